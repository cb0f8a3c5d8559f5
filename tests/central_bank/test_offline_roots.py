"""The root of offline money is succeeded: announced by two officers, listed, taken over, ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import update

from auditor.audit import audit_engines
from central_bank.authentication.key_metrics import watch_offline_roots
from central_bank.authentication.offline_roots import OWNER, OfflineRoots
from central_bank.authentication.tables import offline_roots
from central_bank.limits import MAX_ROOT_OVERLAP_MS, MIN_ROOT_OVERLAP_MS
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK
from offline_token.bundle import TrustBundle
from offline_token.formats import Token
from offline_token.signing import verified
from offline_token.verify import Reason, check_bundle
from runtime.database import Database
from runtime.envelope import possession
from runtime.renewing_key import RenewingKey
from runtime.settings import SettingsError
from runtime.signing_keys import make_token_key
from tests.central_bank.root_renewals import NEW, UNTIL_MS, renewal, take_over
from tests.central_bank.system import LIN, NOW_MS, ROOT
from tests.offline.centre import Centre
from tests.refusals import refused_for

OLD_KEY, NEW_KEY = bytes(ROOT.verify_key), bytes(NEW.verify_key)


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path)


def shown(centre: Centre) -> tuple[bytes, TrustBundle]:
    """The root and the bundle that banks are given; what they say holds."""
    encoded = centre.central.devices.trust_bundle()
    root, bundle = encoded[:32], TrustBundle.decode(encoded[32:])
    assert check_bundle(bundle, root, centre.clock.now_ms()) == Reason.GOOD
    return root, bundle


def test_an_announced_successor_is_listed_and_takes_over_when_it_is_in_its_place(
    centre: Centre,
) -> None:
    take_over(centre)
    assert shown(centre)[0] == OLD_KEY  # nobody has heard of it yet
    centre.central.offline_roots.signer.named = ROOT
    centre.both(renewal())
    root, bundle = shown(centre)
    now_ms = centre.clock.now_ms()
    assert (root, bundle.roots(root, now_ms)) == (OLD_KEY, [OLD_KEY, NEW_KEY])
    take_over(centre)
    root, bundle = shown(centre)
    assert (root, bundle.roots(root, now_ms)) == (NEW_KEY, [NEW_KEY, OLD_KEY])
    (said,) = bundle.introductions(root, now_ms)
    assert verified(OLD_KEY, said.signed_part(), said.signature)
    assert [bank.bank for bank in bundle.of_bank("alpha")] == ["alpha"]
    centre.clock.advance(UNTIL_MS - NOW_MS)
    root, bundle = shown(centre)
    now_ms = centre.clock.now_ms()
    assert (bundle.roots(root, now_ms), bundle.introductions(root, now_ms)) == ([NEW_KEY], [])


def test_tokens_of_both_roots_come_in_whichever_signs_and_after_the_end_of_the_old_one(
    centre: Centre,
) -> None:
    old = centre.token(centre.alice, 100)
    again = 77
    _, (first,) = centre.register(centre.alice, 30, again)
    centre.both(renewal())
    take_over(centre)
    new = centre.token(centre.alice, 50)
    for token, key in ((old.token, OLD_KEY), (new.token, NEW_KEY), (Token.decode(first), OLD_KEY)):
        assert verified(key, token.signed_part(), token.signature)
    # A registration that is repeated brings the same token.
    assert centre.register(centre.alice, 30, again)[1] == [first]
    assert centre.deposit(old, new) == (150, "")
    late = centre.token(centre.alice, 20)
    centre.both(office_pb2.RenewOfflineRoot())
    assert shown(centre)[1].roots(NEW_KEY, centre.clock.now_ms()) == [NEW_KEY]
    assert centre.deposit(late) == (20, "")


def test_a_root_that_was_replaced_is_revoked_before_its_time_and_for_good(centre: Centre) -> None:
    kept = centre.token(centre.alice, 100)
    centre.both(renewal())
    # It is in use.
    assert refused_for(centre.propose, office_pb2.RenewOfflineRoot()) == "FIELD_INVALID"
    take_over(centre)
    centre.both(office_pb2.RenewOfflineRoot())
    assert refused_for(centre.propose, office_pb2.RenewOfflineRoot()) == "FIELD_MISSING"
    root, bundle = shown(centre)
    now_ms = centre.clock.now_ms()
    assert (bundle.roots(root, now_ms), bundle.introductions(root, now_ms)) == ([NEW_KEY], [])
    assert centre.deposit(kept) == (100, "")  # who has it in good faith is paid


def test_what_cannot_be_is_refused_when_it_is_proposed(centre: Centre) -> None:
    forged = renewal()
    forged.proof = possession(NEW, "alpha")
    for kind, reason in (
        (office_pb2.RenewOfflineRoot(), "FIELD_MISSING"),
        (forged, "SIGNATURE_INVALID"),
        (renewal(ROOT), "ALREADY_EXISTS"),
        (renewal(until_ms=NOW_MS + MIN_ROOT_OVERLAP_MS - 1), "FIELD_INVALID"),
        (renewal(until_ms=NOW_MS + MAX_ROOT_OVERLAP_MS + 1), "VALIDITY_TOO_LONG"),
    ):
        assert refused_for(centre.propose, kind) == reason
    assert len(centre.central.offline_roots.all()) == 1


def test_one_officer_announces_no_root(centre: Centre) -> None:
    act = centre.propose(renewal())
    assert refused_for(centre.approve, act, who=LIN) == "SAME_OFFICER"
    assert len(centre.central.offline_roots.all()) == 1


def test_it_does_not_begin_with_a_root_that_was_never_announced(centre: Centre) -> None:
    database = Database(centre.engine)
    with pytest.raises(SettingsError, match="never announced"):
        OfflineRoots(database, NEW, centre.clock)
    centre.both(renewal())
    assert OfflineRoots(database, NEW, centre.clock).signing() == NEW


def test_the_metrics_say_how_long_a_replaced_root_still_counts(centre: Centre) -> None:
    centre.both(renewal())
    registry = CollectorRegistry()
    watch_offline_roots(centre.central.offline_roots, centre.clock, registry)
    labels = {"root": OLD_KEY.hex()[:16]}
    assert registry.get_sample_value("dcep_offline_root_days_left", labels) == 100
    centre.clock.advance(UNTIL_MS - NOW_MS)
    assert registry.get_sample_value("dcep_offline_root_days_left", labels) is None


def test_the_audit_names_a_root_that_two_officers_have_not_announced_so(centre: Centre) -> None:
    centre.both(renewal())
    assert audit_engines({CENTRAL_BANK: centre.engine}).problems == []
    with centre.engine.begin() as connection:
        mine = offline_roots.c.root_key == OLD_KEY
        connection.execute(update(offline_roots).where(mine).values(until_time_ms=UNTIL_MS + 1))
    (problem,) = audit_engines({CENTRAL_BANK: centre.engine}).problems
    assert "table offline_roots" in problem


def test_a_root_in_a_token_is_succeeded_by_another_one_in_it_at_a_restart(
    tmp_path: Path, token_uri: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither key is ever seen; the settings name the new one, and the service starts again."""
    old_key, new_key = (make_token_key(token_uri(name)) for name in ("root", "next"))
    old, new = (RenewingKey(token_uri(name), in_files=False) for name in ("root", "next"))
    setting = "tests.central_bank.system.ROOT"
    monkeypatch.setattr(setting, old)
    centre = Centre(tmp_path)
    paid = centre.token(centre.alice, 100)
    assert shown(centre)[0] == old_key
    monkeypatch.setattr(setting, new)
    with pytest.raises(SettingsError, match="was never announced"):
        centre.restart()
    monkeypatch.setattr(setting, old)
    centre.restart()
    asked = office_pb2.RenewOfflineRoot(
        root_key=new_key, proof=possession(new, OWNER), old_until_time_ms=UNTIL_MS
    )
    centre.both(asked)
    monkeypatch.setattr(setting, new)
    centre.restart()
    root, bundle = shown(centre)
    now_ms = centre.clock.now_ms()
    assert (root, bundle.roots(root, now_ms)) == (new_key, [new_key, old_key])
    (said,) = bundle.introductions(root, now_ms)
    assert verified(old_key, said.signed_part(), said.signature)
    fresh = centre.token(centre.alice, 50)
    assert verified(new_key, fresh.token.signed_part(), fresh.token.signature)
    assert centre.deposit(paid, fresh) == (150, "")
