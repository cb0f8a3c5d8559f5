"""A key of a device is known as long as something can come of it."""

from __future__ import annotations

from typing import Any

import pytest
from nacl.signing import SigningKey

from central_bank.limits import (
    EVIDENCE_KEPT_MS,
    MAX_DEPOSIT_WAIT_MS,
    RESTORE_GRACE_MS,
    TOKEN_LIFETIME_MS,
)
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.deposit import Deposit, DepositEndorsement, sign_deposit
from offline_token.formats import Chain, Payment, Token
from offline_token.possession import account_of
from offline_token.signing import certify_device, verified
from operator_bank.limits import (
    DEVICE_LIFETIME_MS,
    KEY_KEPT_MS,
    KEY_LIVE_MS,
    MAX_CERTIFICATES_ASKED,
    MAX_FORGOTTEN,
    REVOKED_KEY_KEPT_MS,
)
from tests.device_keys import NONCE, signing_key
from tests.feeds import refused_deposit
from tests.operator_bank.device_orders import (
    certify,
    known,
    load_order,
    reported,
    revocation_of,
    revoke,
    some_key,
    step,
)
from tests.operator_bank.system import Holder, System
from tests.refusals import refused, refused_because


@pytest.fixture(autouse=True)
def tokens(system: System) -> None:
    """The central bank makes one token for each load."""
    system.central.makes_tokens = True


def deposit_order(holder: Holder, owner: bytes) -> Any:
    """An order for a token that nobody has signed: the bank looks only at whose it is."""
    now_ms = holder.system.clock.now_ms()
    token = Token(bytes(16), 5, owner, now_ms, now_ms + TOKEN_LIFETIME_MS, bytes(64))
    blank = DepositEndorsement(0, "alpha", account_of(holder.number, NONCE), bytes(16))
    end = sign_deposit(signing_key(owner), token.piece_id(), blank)
    body = Deposit(Payment((Chain(token),)), (end,)).encode()
    return holder.depositing(body)


def test_a_key_is_known_as_long_as_something_can_come_of_it() -> None:
    """A token that was made when the certificate ended, deposited at the last moment, waiting."""
    deposited_ms = TOKEN_LIFETIME_MS + RESTORE_GRACE_MS + MAX_DEPOSIT_WAIT_MS
    assert DEVICE_LIFETIME_MS + deposited_ms <= KEY_KEPT_MS
    assert REVOKED_KEY_KEPT_MS == EVIDENCE_KEPT_MS


def test_a_key_is_forgotten_long_after_it_was_live(system: System, alice: Holder) -> None:
    first = certify(system, alice, some_key()).key
    system.clock.advance(KEY_LIVE_MS)
    second = certify(system, alice, some_key()).key
    system.clock.advance(KEY_KEPT_MS)
    assert not step(system)
    assert known(system) == {first, second}
    system.clock.advance(1)
    assert not step(system)
    assert known(system) == {second}
    refused_because(
        errors_pb2.REASON_DEVICE_UNKNOWN, system.bank.offline.loads.load, load_order(alice, first)
    )


def test_keys_are_forgotten_part_by_part(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_FORGOTTEN >= 100
    monkeypatch.setattr("operator_bank.offline.device_keys.MAX_FORGOTTEN", 2)
    for _ in range(5):
        certify(system, alice, some_key())
    system.clock.advance(KEY_LIVE_MS + KEY_KEPT_MS + 1)
    rounds = [(step(system), len(known(system))) for _ in range(3)]
    assert rounds == [(True, 3), (True, 1), (False, 0)]


def test_a_revoked_key_is_not_forgotten_and_bars_its_wallet(system: System, alice: Holder) -> None:
    keys = [certify(system, alice, some_key()).key for _ in range(2)]
    revoke(system, keys[0])
    system.clock.advance(KEY_LIVE_MS + KEY_KEPT_MS + 1)
    assert not step(system)
    assert known(system) == set(keys)
    refused_because(errors_pb2.REASON_DEVICE_REVOKED, certify, system, alice, some_key())


def test_of_keys_revoked_ten_years_ago_one_stays_and_bars_its_wallet(
    system: System, alice: Holder, bob: Holder
) -> None:
    """As long as there is evidence against one of them, its bank knows whose it was."""
    keys = [certify(system, alice, some_key()).key for _ in range(4)]
    other = certify(system, bob, some_key()).key
    for key in (keys[0], other):
        revoke(system, key)
    assert reported(system) == set(keys[1:])
    system.clock.advance(REVOKED_KEY_KEPT_MS)
    assert not step(system)
    assert known(system) == {*keys, other}
    system.clock.advance(1)
    assert not step(system)
    assert known(system) == {max(keys), other}
    refused_because(errors_pb2.REASON_DEVICE_REVOKED, certify, system, alice, some_key())
    refused_because(errors_pb2.REASON_DEVICE_REVOKED, certify, system, bob, some_key())


def test_a_key_that_the_newest_bundle_revokes_is_not_forgotten(
    system: System, alice: Holder
) -> None:
    key = certify(system, alice, some_key()).key
    system.clock.advance(KEY_LIVE_MS + KEY_KEPT_MS + 1)
    revoke(system, key)
    assert known(system) == {key}


def test_a_deposit_is_answered_the_same_after_its_key_was_forgotten(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:

    def expired(items: Any) -> list[registration_pb2.DepositOutcome]:
        (item,) = items
        why = (errors_pb2.REASON_TOKEN_INVALID, registration_pb2.TOKEN_VERDICT_TOKEN_EXPIRED)
        return [refused_deposit(item.number, item.offline_payment, *why)]

    monkeypatch.setattr(system.central, "deposit", expired)
    key = certify(system, alice, some_key()).key
    order = deposit_order(alice, key)
    for _ in range(2):
        refusal = refused_because(
            errors_pb2.REASON_TOKEN_INVALID, system.bank.offline.deposits.deposit, order, 0
        )
        assert refusal.metadata["verdict"] == "TOKEN_EXPIRED"
        system.clock.advance(KEY_LIVE_MS + KEY_KEPT_MS + 1)
        step(system)
    assert known(system) == set()


def test_a_certificate_of_the_banks_key_before_is_renewed_with_the_next(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, other = some_key(), SigningKey(b"\x0c" * 32)
    first = certify(system, alice, key)
    monkeypatch.setattr(system.bank.offline.keys, "_key", other)
    renewed = certify(system, alice, key)
    assert not verified(bytes(other.verify_key), first.signed_part(), first.signature)
    assert verified(bytes(other.verify_key), renewed.signed_part(), renewed.signature)
    assert certify(system, alice, key) == renewed


# What the bundle has no room for
def test_what_was_revoked_while_the_bank_did_not_look_is_asked_for(
    system: System, alice: Holder, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle's list goes back to some time only; its filter cannot tell for certain."""
    monkeypatch.setattr("operator_bank.offline.revocations.MAX_OWN_REVOKED", 2)
    monkeypatch.setattr("tests.operator_bank.fake_central_bank.MAX_OWN_REVOKED", 2)
    keys = [certify(system, alice, some_key()).key for _ in range(3)]
    certify(system, bob, some_key())
    revoke(system)
    now_ms = system.clock.now_ms()
    gone = [revocation_of(system, some_key()) for _ in range(4)]
    system.central.own = [(name, now_ms + n) for n, name in enumerate(gone)]
    system.central.own.append((revocation_of(system, keys[0]), now_ms + 5))
    revoke(system)
    assert reported(system) == set(), "as far as the bank knows, the list has all"
    system.central.since_time_ms = now_ms + 10
    system.clock.advance(10)
    revoke(system)
    assert reported(system) == set(keys[1:])


def test_a_bank_that_is_not_in_the_bundle_shows_what_the_root_says_of_it(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def statements(certificates: list[bytes]) -> list[bytes]:
        asked.extend(certificates)
        return [b"C of the device", b"B of the bank"]

    monkeypatch.setattr(system.central, "statements", statements)
    device, bank = system.bank.offline.certifying.certify(alice.certifying(some_key()))
    assert bank == b"B of the bank"
    assert asked == [device]


def test_statements_are_the_central_banks_about_certificates_of_devices(system: System) -> None:
    ours = certify_device(SigningKey(bytes(32)), "alpha", bytes(32), 0).encode()
    system.central.said = {ours: b"said"}
    assert system.bank.offline.statements([ours]) == [b"said"]
    for wrong in ([b""], [ours, ours[:-1]], [b"B" + ours[1:]]):
        assert refused_because(
            errors_pb2.REASON_FIELD_INVALID, system.bank.offline.statements, wrong
        )
    many = [ours] * (MAX_CERTIFICATES_ASKED + 1)
    refused_because(errors_pb2.REASON_TOO_MANY_ITEMS, system.bank.offline.statements, many)
    system.central.silent = True
    refused_because(errors_pb2.REASON_PEER_UNAVAILABLE, system.bank.offline.statements, [ours])


def test_what_is_no_deposit_is_refused_as_such(system: System, alice: Holder) -> None:
    for wrong in (b"?", bytes(300)):
        order = alice.depositing(wrong)
        found = refused(system.bank.offline.deposits.deposit, order, 0.0)
        assert found == ("FIELD_INVALID", "offline_payment")
