"""A bank's certificate and business key change while it works; what is revoked ends at once."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from nacl.signing import SigningKey
from prometheus_client import CollectorRegistry

from central_bank.api.authentication import GrpcAuthentication
from central_bank.authentication.key_metrics import watch_bank_keys
from central_bank.limits import MAX_BANK_CREDENTIALS, MAX_OVERLAP_MS
from dcep.authentication.v1 import authentication_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.bundle import TrustBundle
from offline_token.formats import BANK, Certificate
from offline_token.signing import certify_device
from offline_token.verify import Bad, check_device
from runtime.envelope import possession, sign_payload
from runtime.errors import Refusal
from runtime.tls import Identity
from tests.broken import break_after_the_commit
from tests.central_bank.admitting import KEYS, identity
from tests.central_bank.bank_renewals import DAY_MS, NEW, OLD, THIRD, answer, new_key, renew
from tests.central_bank.system import LIN, MEI, NOW_MS, System
from tests.feeds import NO_ACTS
from tests.refusals import refused_for

FRESH = "c" * 64


def admission(system: System, certificate: str) -> str:
    try:
        system.central.registry.require_active(Identity("bank", "alpha", certificate))
    except Refusal as refusal:
        return refusal.name
    return "OK"


@pytest.fixture
def funded(system: System) -> System:
    system.issue(system.alpha, 1_000)
    return system


def test_both_keys_are_good_until_the_old_one_ends_and_not_a_millisecond_longer(
    funded: System,
) -> None:
    assert answer(funded, NEW) == "SIGNATURE_INVALID"
    renew(funded, key=NEW, until_ms=NOW_MS + DAY_MS)
    funded.clock.advance(DAY_MS - 1)
    assert [answer(funded, key) for key in (OLD, NEW)] == ["OUTCOME_STATE_SETTLED"] * 2
    funded.clock.advance(1)
    for _ in range(2):
        assert answer(funded, OLD) == "SIGNATURE_INVALID"
        assert answer(funded, NEW) == "OUTCOME_STATE_SETTLED"
        funded.restart()


def test_a_key_that_is_revoked_is_refused_at_once_and_however_the_clock_is_set(
    funded: System,
) -> None:
    renew(funded, key=NEW)
    for _ in range(2):
        assert answer(funded, OLD) == "SIGNATURE_INVALID"
        assert answer(funded, NEW) == "OUTCOME_STATE_SETTLED"
        funded.clock.set_back(DAY_MS)
        funded.restart()


def test_a_key_whose_revocation_was_written_while_the_connection_broke_is_revoked(
    funded: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = funded.propose(new_key())
    break_after_the_commit(monkeypatch)
    with pytest.raises(ConnectionError):
        funded.approve(act)
    monkeypatch.undo()
    assert answer(funded, OLD) == "SIGNATURE_INVALID"
    assert answer(funded, NEW) == "OUTCOME_STATE_SETTLED"


def test_a_bank_whose_suspension_was_written_while_the_connection_broke_is_suspended(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = system.propose(office_pb2.SuspendBank(name="alpha"))
    break_after_the_commit(monkeypatch)
    with pytest.raises(ConnectionError):
        system.approve(act)
    monkeypatch.undo()
    assert admission(system, system.alpha.certificate_fingerprint) == "BANK_SUSPENDED"


def test_a_key_that_was_to_end_later_can_be_revoked_now(funded: System) -> None:
    renew(funded, key=NEW, until_ms=NOW_MS + DAY_MS)
    renew(funded)
    assert answer(funded, OLD) == "SIGNATURE_INVALID"
    assert answer(funded, NEW) == "OUTCOME_STATE_SETTLED"


def test_both_certificates_are_welcome_until_the_old_one_ends(system: System) -> None:
    old = system.alpha.certificate_fingerprint
    assert admission(system, FRESH) == "BANK_NOT_ADMITTED"
    alpha = renew(system, certificate=FRESH, until_ms=NOW_MS + DAY_MS)
    assert alpha.fingerprints(NOW_MS) == [FRESH, old]
    assert alpha.business_key == system.alpha.business_key
    system.clock.advance(DAY_MS - 1)
    assert [admission(system, each) for each in (old, FRESH)] == ["OK", "OK"]
    system.clock.advance(1)
    for _ in range(2):
        assert [admission(system, each) for each in (old, FRESH)] == ["BANK_NOT_ADMITTED", "OK"]
        system.restart()


def test_a_revoked_certificate_is_refused_at_once(system: System) -> None:
    renew(system, certificate=FRESH)
    assert admission(system, system.alpha.certificate_fingerprint) == "BANK_NOT_ADMITTED"
    assert admission(system, FRESH) == "OK"


def test_a_feed_receipt_is_taken_by_the_key_of_the_moment(funded: System) -> None:
    renew(funded, key=NEW)
    place = registration_pb2.FeedPlace(ledger=b"x" * 16, number=1, hash=b"h" * 32)
    now_ms = funded.clock.now_ms()
    receipt = registration_pb2.FeedReceipt(
        bank="alpha",
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 1_000,
        place=place,
        acts=NO_ACTS,
    ).SerializeToString()
    for key, reason in ((OLD, "SIGNATURE_INVALID"), (NEW, "FEED_TIP_UNKNOWN")):
        with pytest.raises(Refusal) as caught:
            alpha = funded.central.registry.get("alpha")
            funded.central.feed.acknowledge(
                alpha, sign_payload(registration_pb2.FeedReceipt, receipt, key, b"alpha")
            )
        assert caught.value.name == reason


@pytest.mark.parametrize("until_ms", [0, NOW_MS + DAY_MS])
def test_what_was_a_banks_is_never_given_again(system: System, until_ms: int) -> None:
    old = system.alpha.certificate_fingerprint
    renew(system, key=NEW, certificate=FRESH, until_ms=until_ms)
    for name in ("alpha", "beta"):
        for key in (OLD, NEW, KEYS["beta"]):
            assert refused_for(system.propose, new_key(key, name)) == "ALREADY_EXISTS"
        for mark in (old, FRESH, system.beta.certificate_fingerprint):
            kind = office_pb2.RenewBank(name=name, certificate_fingerprint=mark)
            assert refused_for(system.propose, kind) == "ALREADY_EXISTS"
    gamma = replace(system.beta, name="gamma", prefix="6203", certificate_fingerprint="9" * 64)
    with pytest.raises(Refusal) as caught:
        system.central.registry.admit(replace(gamma, business_key=bytes(OLD.verify_key)))
    assert caught.value.field == "bank.business_key"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "omega"}, "BANK_UNKNOWN"),
        ({"business_key": b""}, "FIELD_MISSING"),
        ({"proof": b""}, "FIELD_MISSING"),
        ({"proof": bytes(64)}, "SIGNATURE_INVALID"),
        ({"proof": possession(OLD, "alpha")}, "SIGNATURE_INVALID"),
        # As it was made to be beta's.
        ({"proof": possession(NEW, "beta")}, "SIGNATURE_INVALID"),
        ({"business_key": bytes(32)}, "FIELD_INVALID"),
        ({"certificate_fingerprint": "A" * 64}, "FIELD_INVALID"),
        ({"old_until_time_ms": NOW_MS + MAX_OVERLAP_MS + 1}, "VALIDITY_TOO_LONG"),
    ],
)
def test_a_renewal_that_cannot_be_is_refused_when_it_is_proposed(
    system: System, changes: dict, reason: str
) -> None:
    wanted = new_key()
    for name, value in changes.items():
        setattr(wanted, name, value)
    assert refused_for(system.propose, wanted) == reason
    assert system.central.registry.get("alpha") == system.alpha


def test_a_renewal_takes_two_officers(system: System) -> None:
    act = system.propose(office_pb2.RenewBank(name="alpha", certificate_fingerprint=FRESH))
    with pytest.raises(Refusal) as caught:
        system.approve(act, who=LIN)
    assert (caught.value.name, admission(system, FRESH)) == ("SAME_OFFICER", "BANK_NOT_ADMITTED")
    system.approve(act, who=MEI)
    assert admission(system, FRESH) == "OK"


def test_a_bank_is_given_so_many_keys_and_no_more(system: System) -> None:
    for number in range(MAX_BANK_CREDENTIALS - 1):
        renew(system, key=SigningKey(hashlib.sha256(b"%d" % number).digest()))
    assert refused_for(system.propose, new_key()) == "OVERLOADED"


def test_officers_see_what_was_replaced_and_when_it_ends(system: System) -> None:
    old = system.alpha.certificate_fingerprint
    renew(system, certificate=FRESH, until_ms=NOW_MS + DAY_MS)
    system.clock.advance(1)
    renew(system, key=NEW)
    central = system.central
    service = GrpcAuthentication(
        central.registry,
        central.devices,
        central.evidence,
        central.central_keys,
        central.offline_roots,
        central.feed_look,
    )
    alpha, beta = service.ListBanks(authentication_pb2.ListBanksRequest(), None).banks
    assert (alpha.certificate_fingerprint, alpha.business_key) == (FRESH, bytes(NEW.verify_key))
    assert [
        (told.certificate_fingerprint, told.business_key, told.until_time_ms, told.revoked)
        for told in sorted(alpha.replaced, key=lambda told: told.revoked)
    ] == [(old, b"", NOW_MS + DAY_MS, False), ("", bytes(OLD.verify_key), NOW_MS + 1, True)]
    assert not beta.replaced


def bundle(system: System) -> TrustBundle:
    return TrustBundle.decode(system.central.devices.trust_bundle()[32:])


def verdict(system: System, bank_key: SigningKey) -> str:
    """What a payee with the newest bundle says of a device that a key of alpha certified."""
    until_ms = system.clock.now_ms() + 120 * DAY_MS
    device = certify_device(bank_key, "alpha", bytes(SigningKey.generate().verify_key), until_ms)
    try:
        check_device(device, bundle(system), system.clock.now_ms())
    except Bad as bad:
        return bad.reason.name
    return "GOOD"


@pytest.fixture
def certified(system: System) -> System:
    """Alpha's first key has a certificate of the root, as an admission makes it."""
    renew(system, key=THIRD)
    return system


def test_devices_that_a_replaced_key_certified_stay_good(certified: System) -> None:
    renew(certified, key=NEW, until_ms=NOW_MS + DAY_MS)
    for _ in range(2):
        assert [verdict(certified, key) for key in (THIRD, NEW)] == ["GOOD", "GOOD"]
        certified.clock.advance(200 * DAY_MS)


def test_devices_that_a_revoked_key_certified_are_refused_from_the_next_bundle_on(
    certified: System,
) -> None:
    renew(certified, key=NEW)
    # Not as forged: what who did not know yet paid with one is given back.
    assert [verdict(certified, key) for key in (THIRD, NEW)] == ["DEVICE_REVOKED", "GOOD"]
    certified.clock.advance(31 * DAY_MS)
    # By then nobody has a bundle any more in which it is good.
    assert [verdict(certified, key) for key in (THIRD, NEW)] == ["DEVICE_FORGED", "GOOD"]
    # Its first certificate may still be brought along: so it is barred until that has ended.
    assert bundle(certified).bars_key(
        Certificate(BANK, "alpha", bytes(THIRD.verify_key), 0, bytes(64))
    )
    certified.clock.advance(702 * DAY_MS)
    assert bundle(certified).barred == ()


def test_a_key_that_was_replaced_in_good_order_can_be_revoked_later(certified: System) -> None:
    renew(certified, key=NEW, until_ms=NOW_MS + 1)
    certified.clock.advance(DAY_MS)
    renew(certified)
    assert [verdict(certified, key) for key in (THIRD, NEW)] == ["DEVICE_REVOKED", "GOOD"]


def test_a_bank_can_revoke_devices_that_its_replaced_key_certified(certified: System) -> None:
    key = bytes(SigningKey.generate().verify_key)
    device = certify_device(THIRD, "alpha", key, NOW_MS + DAY_MS)
    alpha = renew(certified, key=NEW)
    certified.central.devices.revoke_own(alpha, [device.encode()], "it was lost")
    assert device.revocation() in bundle(certified).revoked


def test_a_suspended_bank_with_a_new_certificate_is_still_suspended(system: System) -> None:
    system.both(office_pb2.SuspendBank(name="alpha"))
    alpha = renew(system, certificate=FRESH)
    assert refused_for(system.central.registry.require_active, identity(alpha)) == "BANK_SUSPENDED"


def test_the_metrics_say_how_long_each_banks_key_is_good(system: System) -> None:
    metrics = CollectorRegistry()
    watch_bank_keys(system.central.registry, system.clock, metrics)

    def left(bank: str) -> float | None:
        return metrics.get_sample_value("dcep_bank_key_days_left", {"bank": bank})

    system.clock.advance(700 * DAY_MS)
    assert (left("alpha"), left("beta")) == (32, 32)
    renew(system, key=NEW)
    assert (left("alpha"), left("beta")) == (732, 32)
