"""The newest trust bundle: verified before it is handed on, kept, never exchanged for an older."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from nacl.signing import SigningKey
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from offline_token.bundle import TrustBundle
from offline_token.formats import CENTRAL_BANK, KEY_BYTES, Certificate, bank_name
from offline_token.revoked_filter import build_filter
from offline_token.signing import certify_bank, sign_bundle
from operator_bank.limits import BUNDLE_FRESH_MS, MAX_BUNDLE_AHEAD_MS
from operator_bank.offline.newest_bundle import read_roots
from operator_bank.offline.tables import trust_bundle
from operator_bank.peers.contradictions import BUNDLE, watch_contradictions
from operator_bank.peers.tables import contradictions
from runtime.errors import NoAnswer
from runtime.settings import SettingsError
from tests.operator_bank.fake_central_bank import DAY_MS, NOW_MS, ROOT
from tests.operator_bank.system import System
from tests.refusals import refused_for

OTHER = SigningKey(b"o" * 32)
EARLY, LATE = NOW_MS - 60_000, NOW_MS - 1_000
REVOKED = bytes(SigningKey(b"v" * 32).verify_key)[:16]


def bundle(time_ms: int, *, root: SigningKey = ROOT, revoked: tuple[bytes, ...] = ()) -> bytes:
    plain = TrustBundle(
        time_ms,
        30 * DAY_MS,
        max_hops=16,
        max_value_fen=1,
        max_payment_fen=1,
        max_holding_fen=1,
        banks=(),
        revoked=revoked,
    )
    return bytes(root.verify_key) + sign_bundle(root, plain).encode()


def show(system: System, encoded: bytes) -> list[int]:
    """From now on the central bank shows this bundle; how often it is asked."""
    asked: list[int] = []

    def fetch() -> bytes:
        asked.append(system.clock.now_ms())
        return encoded

    system.central.trust_bundle = fetch  # type: ignore[method-assign]
    system.restart()
    return asked


def forged() -> bytes:
    data = bundle(LATE)
    return data[:-1] + bytes([data[-1] ^ 1])


def with_another_filter() -> bytes:
    return bundle(LATE) + build_filter([REVOKED], 8, bytes).encode()


BAD: dict[str, Callable[[], bytes]] = {
    "one bit turned": forged,
    "of another root": lambda: bundle(LATE, root=OTHER),
    "of another root, under the name of the right one": lambda: (
        bytes(ROOT.verify_key) + bundle(LATE, root=OTHER)[KEY_BYTES:]
    ),
    "older than devices take": lambda: bundle(NOW_MS - 31 * DAY_MS),
    "dated two days ahead": lambda: bundle(NOW_MS + 2 * MAX_BUNDLE_AHEAD_MS),
    "with a filter that the root has not named": with_another_filter,
    "cut off": lambda: bundle(LATE)[:-1],
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_good_is_not_handed_on_and_not_kept(system: System, what: str) -> None:
    show(system, BAD[what]())
    assert refused_for(system.bank.offline.trust_bundle) == "PEER_UNAVAILABLE"
    with system.engine.connect() as connection:
        assert connection.execute(select(trust_bundle)).first() is None


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_good_does_not_push_out_what_was_kept(system: System, what: str) -> None:
    show(system, bundle(EARLY))
    assert system.bank.offline.trust_bundle() == bundle(EARLY)
    show(system, BAD[what]())
    assert system.bank.offline.trust_bundle() == bundle(EARLY)


def test_an_older_bundle_makes_no_revoked_device_good_again(system: System) -> None:
    """Across restarts too: the central bank's copy, or whoever stands in its place, is older."""
    show(system, bundle(LATE, revoked=(REVOKED,)))
    assert system.bank.offline.trust_bundle() == bundle(LATE, revoked=(REVOKED,))
    show(system, bundle(EARLY))
    for _ in range(2):
        assert system.bank.offline.trust_bundle() == bundle(LATE, revoked=(REVOKED,))
        assert system.bank.offline.revocations.newest().revoked == (REVOKED,)
        system.clock.advance(BUNDLE_FRESH_MS)
        system.restart()


def test_the_central_bank_is_not_asked_for_each_call_of_a_wallet(system: System) -> None:
    asked = show(system, bundle(LATE))
    for _ in range(100):
        system.bank.offline.trust_bundle()
    assert len(asked) == 1
    system.clock.advance(BUNDLE_FRESH_MS)
    system.bank.offline.trust_bundle()
    assert len(asked) == 2


def test_what_was_kept_is_handed_on_while_the_central_bank_is_silent(system: System) -> None:
    """Until no device would take it; for a new certificate it is not enough."""
    show(system, bundle(LATE))
    kept = system.bank.offline.trust_bundle()
    del system.central.trust_bundle  # type: ignore[misc]
    system.central.silent = True
    system.restart()
    assert system.bank.offline.trust_bundle() == kept
    system.clock.advance(31 * DAY_MS)
    assert refused_for(system.bank.offline.trust_bundle) == "PEER_UNAVAILABLE"


def test_a_bank_does_not_start_without_the_roots_key() -> None:
    key = bytes(ROOT.verify_key)
    other = bytes(OTHER.verify_key)
    assert read_roots(key.hex()) == (key,)
    assert read_roots(f"{key.hex()}, {other.hex()}") == (key, other)
    for wrong in ("", ",", "00", "nonsense", key.hex()[:-2], bytes(32).hex()):
        with pytest.raises(SettingsError, match="offline_roots"):
            read_roots(wrong)


ROOT_KEY = bytes(ROOT.verify_key)
BANK_KEY = bytes(SigningKey(b"b" * 32).verify_key)
OF_A_BANK = certify_bank(ROOT, "gamma", BANK_KEY, NOW_MS + DAY_MS)


def of_banks(time_ms: int, *banks: Certificate, barred: tuple[bytes, ...] = ()) -> bytes:
    plain = replace(TrustBundle.decode(bundle(time_ms)[KEY_BYTES:]), banks=banks, barred=barred)
    return bytes(ROOT.verify_key) + sign_bundle(ROOT, plain).encode()


def kept_words(system: System) -> list[tuple[bytes, bytes]]:
    with system.engine.connect() as connection:
        rows = connection.execute(select(contradictions)).all()
    return [(bytes(row.kept), bytes(row.shown)) for row in rows]


@pytest.mark.parametrize(
    ("before", "shown", "cause"),
    [
        (bundle(EARLY, revoked=(REVOKED,)), bundle(LATE), "brings back"),
        (
            of_banks(EARLY, OF_A_BANK, barred=(OF_A_BANK.revocation(),)),
            of_banks(LATE, OF_A_BANK),
            "brings back",
        ),
        (bundle(LATE), bundle(EARLY), "older"),
        (bundle(LATE), bundle(LATE, revoked=(REVOKED,)), "of one moment"),
    ],
    ids=["a device", "a bank's key", "an older one", "two of one moment"],
)
def test_a_bundle_that_contradicts_the_one_before_is_not_taken_and_both_are_kept(
    system: System, before: bytes, shown: bytes, cause: str
) -> None:
    """So an older copy of the central bank, which makes new bundles, makes nothing good again."""
    registry = CollectorRegistry()
    show(system, before)
    assert system.bank.offline.bundles.newest().encoded == before
    show(system, shown)
    watch_contradictions(system.bank.contradictions, registry)
    for _ in range(2):
        system.clock.advance(BUNDLE_FRESH_MS)
        assert system.bank.offline.bundles.newest().encoded == before
        said = system.bank.contradictions.now()[BUNDLE]
        assert cause in said.cause
        labels = {"about": "trust bundle"}
        assert registry.get_sample_value("dcep_central_bank_contradicts", labels) == 1
    assert kept_words(system) == [(before, shown)]
    assert system.restart().offline.bundles.newest().encoded == before
    assert kept_words(system) == [(before, shown)]


def test_what_contradicted_is_over_when_a_bundle_comes_that_does_not(system: System) -> None:
    show(system, bundle(EARLY, revoked=(REVOKED,)))
    system.bank.offline.bundles.newest()
    show(system, bundle(EARLY + 1))
    system.bank.offline.bundles.newest()
    assert BUNDLE in system.bank.contradictions.now()
    newer = bundle(LATE, revoked=(REVOKED,))
    system.central.trust_bundle = lambda: newer  # type: ignore[method-assign]
    system.clock.advance(BUNDLE_FRESH_MS)
    assert system.bank.offline.bundles.newest().encoded == newer
    assert system.bank.contradictions.now() == {}


def test_what_leaves_a_list_in_good_order_contradicts_nothing(system: System) -> None:
    """A bank's key with its certificate, a suspended bank, a device that goes to the filter."""
    filtered = build_filter([REVOKED], 8, bytes).encode()
    later = replace(TrustBundle.decode(bundle(LATE)[KEY_BYTES:]), filter=filtered)
    for before, shown in (
        (of_banks(EARLY, OF_A_BANK, barred=(OF_A_BANK.revocation(),)), bundle(EARLY + 1)),
        (of_banks(EARLY + 2, barred=(bank_name("gamma"),)), of_banks(EARLY + 3, OF_A_BANK)),
        (bundle(EARLY + 4, revoked=(REVOKED,)), ROOT_KEY + sign_bundle(ROOT, later).encode()),
    ):
        show(system, before)
        system.bank.offline.bundles.newest()
        show(system, shown)
        assert system.bank.offline.bundles.newest().encoded == shown
    assert kept_words(system) == []


def entry(by: SigningKey, root: SigningKey, expires: int = NOW_MS + DAY_MS) -> Certificate:
    return certify_bank(by, CENTRAL_BANK, bytes(root.verify_key), expires)


def by(root: SigningKey, time_ms: int, *roots: Certificate) -> bytes:
    plain = replace(TrustBundle.decode(bundle(time_ms)[KEY_BYTES:]), banks=roots)
    return bytes(root.verify_key) + sign_bundle(root, plain).encode()


def newest(system: System, encoded: bytes) -> bool:
    """Whether a bundle that the central bank shows from now on is taken."""
    show(system, encoded)
    try:
        return system.bank.offline.bundles.newest().encoded == encoded
    except NoAnswer:
        return False


@pytest.mark.parametrize("announced", [True, False])
def test_a_bank_goes_over_to_the_successor_of_its_root_and_never_back(
    system: System, announced: bool
) -> None:
    """By what the bundle before has listed, or by what the old root has signed of the new one."""
    assert newest(system, by(ROOT, EARLY, *([entry(ROOT, OTHER)] if announced else [])))
    over = () if announced else (entry(OTHER, ROOT), entry(ROOT, OTHER))
    assert newest(system, by(OTHER, EARLY + 1, *over))
    assert newest(system, by(OTHER, EARLY + 2))  # also after a restart, and after the old one's end
    assert not newest(system, by(ROOT, EARLY + 3, entry(ROOT, OTHER)))
    assert newest(system, by(OTHER, EARLY + 4))


def test_a_root_that_no_trusted_one_has_introduced_takes_over_nothing(system: System) -> None:
    assert newest(system, by(ROOT, EARLY))
    thief = SigningKey(b"t" * 32)
    for roots in (
        (),
        (entry(OTHER, OTHER),),
        (entry(thief, OTHER),),
        (entry(OTHER, ROOT), entry(ROOT, OTHER, NOW_MS - 1)),
        (entry(OTHER, ROOT), entry(ROOT, thief)),
    ):
        assert not newest(system, by(OTHER, LATE, *roots))


def test_what_is_revoked_stays_so_over_a_change_of_roots(system: System) -> None:
    show(system, bundle(EARLY, revoked=(REVOKED,)))
    system.bank.offline.bundles.newest()
    assert not newest(system, by(OTHER, LATE, entry(OTHER, ROOT), entry(ROOT, OTHER)))
    assert "brings back" in system.bank.contradictions.now()[BUNDLE].cause
