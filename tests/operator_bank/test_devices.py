"""Keys of a wallet's device: certified, bounded in number, and all of them revoked together."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import delete, select

from central_bank.limits import (
    EVIDENCE_KEPT_MS,
    MAX_DEPOSIT_WAIT_MS,
    RESTORE_GRACE_MS,
    TOKEN_LIFETIME_MS,
)
from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.deposit import Deposit, DepositEndorsement, sign_deposit
from offline_token.formats import DEVICE, Certificate, Chain, Payment, Token
from offline_token.possession import Possession, account_of
from offline_token.signing import certify_device, verified
from operator_bank.limits import (
    BUNDLE_FRESH_MS,
    DEVICE_LIFETIME_MS,
    DEVICE_RENEWAL_MS,
    KEY_KEPT_MS,
    KEY_LIVE_MS,
    MAX_CERTIFICATES_ASKED,
    MAX_FORGOTTEN,
    MAX_LIVE_KEYS,
    REVOKED_KEY_KEPT_MS,
)
from operator_bank.offline.tables import devices
from runtime.errors import NoAnswer, Refusal
from tests.device_keys import NONCE, asking, made_key, signing_key
from tests.feeds import refused_deposit
from tests.operator_bank.system import Holder, System

_numbers = itertools.count(1)


def some_key() -> bytes:
    """One that nobody has had before."""
    return made_key(next(_numbers).to_bytes(32, "big"))


def certify(system: System, holder: Holder, key: bytes) -> Certificate:
    certificate, _ = system.bank.offline.certifying.certify(holder.certifying(key))
    found = Certificate.decode(certificate, DEVICE)
    assert found.key == key
    return found


def load_order(holder: Holder, key: bytes, fen: int = 1) -> Any:
    return holder.signed(
        orders_pb2.LoadOrder, sequence=holder.next(), device_key=key, amount_fen=fen
    )


def no(reason: int, call: Any, *arguments: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    assert caught.value.reason == reason
    return caught.value


@pytest.fixture(autouse=True)
def tokens(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The central bank makes one token for each load."""

    def register(number: int, *_: Any) -> registration_pb2.RegisterTokensResponse:
        outcome = registration_pb2.Outcome(
            number=number, state=registration_pb2.OUTCOME_STATE_SETTLED
        )
        return registration_pb2.RegisterTokensResponse(outcome=outcome, tokens=[b"%d" % number])

    monkeypatch.setattr(system.central, "register", register)


def test_a_certificate_is_renewed_when_it_is_due(system: System, alice: Holder) -> None:
    key = some_key()
    first = certify(system, alice, key)
    system.clock.advance(DEVICE_LIFETIME_MS - DEVICE_RENEWAL_MS)
    assert certify(system, alice, key) == first
    system.clock.advance(1)
    renewed = certify(system, alice, key)
    assert renewed.expires_time_ms == system.clock.now_ms() + DEVICE_LIFETIME_MS


def test_a_load_shows_the_centre_that_its_key_has_asked_this_bank(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[bytes] = []

    def register(number: int, fen: int, certificate: bytes, possession: bytes) -> Any:
        shown.append(possession)
        raise NoAnswer("silence")

    monkeypatch.setattr(system.central, "register", register)
    key = certify(system, alice, some_key()).key
    system.bank.offline.loads.load(load_order(alice, key))
    system.restart()
    with pytest.raises(NoAnswer):
        system.bank.offline.resending.step_loads()
    assert len(shown) == 2
    for possession in shown:
        assert Possession.decode(possession).proves(key, "alpha")


def test_a_key_is_one_wallets(system: System, alice: Holder, bob: Holder) -> None:
    key = some_key()
    certify(system, alice, key)
    no(errors_pb2.REASON_ALREADY_EXISTS, certify, system, bob, key)
    no(errors_pb2.REASON_DEVICE_UNKNOWN, system.bank.offline.loads.load, load_order(bob, key))


def test_a_key_is_certified_only_where_it_has_signed_that_it_wants_to_be(
    system: System, alice: Holder, bob: Holder
) -> None:
    """Who has seen somebody's key in a request cannot have it certified in his own wallet."""
    key = some_key()
    hers = asking(key, "alpha", alice.number)
    spoiled = {
        "no proof of hers": {"possession": bytes(64)},
        "her proof for another bank": asking(key, "beta", bob.number),
        "her proof for her own wallet": hers,
        "another nonce": {**asking(key, "alpha", bob.number), "nonce": bytes(16)},
        "a proof by another key": {**asking(some_key(), "alpha", bob.number), "device_key": key},
    }
    for name, fields in spoiled.items():
        refusal = no(
            errors_pb2.REASON_SIGNATURE_INVALID,
            system.bank.offline.certifying.certify,
            bob.certifying(key, **fields),
        )
        assert refusal.field == "possession", name
    assert not known(system), "nothing is kept of a key that has not asked"
    assert certify(system, alice, key).key == key, "and its holder gets her certificate"


def test_what_a_chip_s_maker_says_is_kept_with_the_order(system: System, alice: Holder) -> None:
    order = alice.certifying(some_key(), attestation=b"a chip of the maker's")
    system.bank.offline.certifying.certify(order)
    with system.engine.connect() as connection:
        kept = connection.execute(select(devices.c.order_payload)).scalar_one()
    found = orders_pb2.CertifyDeviceOrder.FromString(bytes(kept))
    assert found.attestation == b"a chip of the maker's"


def test_a_key_that_nobody_can_have_the_secret_of_is_not_certified(
    system: System, alice: Holder
) -> None:
    for weak in (bytes(32), b"\x01" + bytes(31), b"\xee" + b"\xff" * 30 + b"\x7f"):
        with pytest.raises(Refusal) as caught:
            certify(system, alice, weak)
        assert (caught.value.name, caught.value.field) == ("FIELD_INVALID", "device_key")


def test_what_was_refused_is_not_taken_later_when_its_reason_has_passed(
    system: System, alice: Holder
) -> None:
    """Somebody kept the order, and sends it again: it has used its sequence up."""
    key = some_key()
    load = load_order(alice, key, 2)
    certified = alice.certifying(some_key())
    with pytest.raises(Refusal) as caught:
        system.bank.offline.loads.load(load)
    assert caught.value.name == "DEVICE_UNKNOWN"
    certify(system, alice, key)
    for bank in (system.bank, system.restart()):
        with pytest.raises(Refusal) as caught:
            bank.offline.loads.load(load)
        assert caught.value.name == "DEVICE_UNKNOWN"
    # The sequence is no other order's either.
    taken = orders_pb2.LoadOrder.FromString(load.payload).sequence
    with pytest.raises(Refusal) as caught:
        alice.pay(alice.number, 1, sequence=taken)
    assert caught.value.name == "ID_REUSED"
    payment = system.bank.history.get(alice.wallet, f"{alice.number}-{taken}")
    assert payment.state == states_pb2.PAYMENT_STATE_REFUSED
    assert payment.reason == errors_pb2.REASON_DEVICE_UNKNOWN

    for _ in range(MAX_LIVE_KEYS - 1):
        certify(system, alice, some_key())
    with pytest.raises(Refusal) as caught:
        system.bank.offline.certifying.certify(certified)
    assert caught.value.name == "TOO_MANY_DEVICE_KEYS"
    with system.engine.begin() as connection:
        connection.execute(delete(devices).where(devices.c.wallet == alice.wallet.row_id))
    with pytest.raises(Refusal) as caught:
        system.bank.offline.certifying.certify(certified)
    assert caught.value.name == "TOO_MANY_DEVICE_KEYS"


# The bound of live keys


def test_only_so_many_keys_of_a_wallet_are_live(system: System, alice: Holder, bob: Holder) -> None:
    first, *_ = [certify(system, alice, some_key()) for _ in range(MAX_LIVE_KEYS)]
    refusal = no(errors_pb2.REASON_TOO_MANY_DEVICE_KEYS, certify, system, alice, some_key())
    assert "the next load is possible after 2025-10-20 15:06 UTC" in refusal.message
    assert certify(system, alice, first.key) == first, "it is counted already"
    certify(system, bob, some_key())
    system.clock.advance(KEY_LIVE_MS)
    certify(system, alice, some_key())


def test_a_load_keeps_its_key_live(system: System, alice: Holder) -> None:
    key = some_key()
    certify(system, alice, key)
    system.clock.advance(KEY_LIVE_MS - 1)
    assert (
        system.bank.offline.loads.load(load_order(alice, key))[0]
        == states_pb2.PAYMENT_STATE_SETTLED
    )
    for _ in range(MAX_LIVE_KEYS - 1):
        certify(system, alice, some_key())
    system.clock.advance(1)
    no(errors_pb2.REASON_TOO_MANY_DEVICE_KEYS, certify, system, alice, some_key())


def test_a_key_that_was_not_live_any_more_counts_when_it_is_loaded(
    system: System, alice: Holder
) -> None:
    old = some_key()
    certify(system, alice, old)
    system.clock.advance(KEY_LIVE_MS)
    for _ in range(MAX_LIVE_KEYS):
        certify(system, alice, some_key())
    for again in (
        lambda: system.bank.offline.loads.load(load_order(alice, old)),
        lambda: certify(system, alice, old),
    ):
        no(errors_pb2.REASON_TOO_MANY_DEVICE_KEYS, again)
    assert (alice.fen, alice.held_fen) == (100_000, 0)


# What a device may hold


def test_no_more_is_loaded_than_a_device_may_hold(system: System, alice: Holder) -> None:
    key = certify(system, alice, some_key()).key
    most_fen = system.central.max_holding_fen
    order = load_order(alice, key, most_fen + 1)
    refusal = no(errors_pb2.REASON_OVER_BALANCE_CAP, system.bank.offline.loads.load, order)
    assert (refusal.field, refusal.metadata["over_fen"]) == ("amount_fen", "1")
    assert (alice.fen, alice.held_fen) == (100_000, 0)
    largest = load_order(alice, key, most_fen)
    first = system.bank.offline.loads.load(largest)
    assert (first[0], alice.held_fen) == (states_pb2.PAYMENT_STATE_SETTLED, most_fen)
    system.central.max_holding_fen = 1
    step(system)
    no(
        errors_pb2.REASON_OVER_BALANCE_CAP,
        system.bank.offline.loads.load,
        load_order(alice, key, 2),
    )
    assert system.bank.offline.loads.load(largest) == first, "the rule of then"


def test_before_it_has_read_a_bundle_the_bank_leaves_it_to_the_centre(
    system: System, alice: Holder
) -> None:
    key = certify(system, alice, some_key()).key
    system.restart()
    order = load_order(alice, key, system.central.max_holding_fen + 1)
    assert system.bank.offline.loads.load(order)[0] == states_pb2.PAYMENT_STATE_SETTLED


# Revocations


def revocation_of(system: System, key: bytes, bank: str = "alpha") -> bytes:
    return certify_device(SigningKey(bytes(32)), bank, key, 0).revocation()


def revoke(system: System, *keys: bytes) -> None:
    """The central bank revokes, and the bank gets to know."""
    system.central.revoked += [revocation_of(system, key) for key in keys]
    while system.bank.offline.revocations.step():
        pass


def reported(system: System) -> set[bytes]:
    return {Certificate.decode(each, DEVICE).key for each in system.central.reported}


def test_the_other_keys_of_the_wallet_are_reported_and_nobody_elses(
    system: System, alice: Holder, bob: Holder
) -> None:
    keys = [certify(system, alice, some_key()).key for _ in range(3)]
    certify(system, bob, some_key())
    revoke(system)
    assert reported(system) == set()
    revoke(system, keys[1], bytes(32))
    assert reported(system) == {keys[0], keys[2]}
    system.restart()
    revoke(system, *reported(system))
    assert len(system.central.reported) == 2, "once each"


def test_what_another_bank_says_of_a_key_bars_no_wallet_here(system: System, alice: Holder) -> None:
    key = certify(system, alice, some_key()).key
    system.central.revoked.append(revocation_of(system, key, "beta"))
    revoke(system)
    assert reported(system) == set()
    assert (
        system.bank.offline.loads.load(load_order(alice, key))[0]
        == states_pb2.PAYMENT_STATE_SETTLED
    )


def test_the_wallet_gets_no_more_certificates_and_no_tokens(
    system: System, alice: Holder, bob: Holder
) -> None:
    key = certify(system, alice, some_key()).key
    other = certify(system, alice, some_key()).key
    revoke(system, key)
    for call in (
        lambda: certify(system, alice, some_key()),
        lambda: certify(system, alice, other),
        lambda: system.bank.offline.loads.load(load_order(alice, other)),
    ):
        assert "loads no more offline money" in no(errors_pb2.REASON_DEVICE_REVOKED, call).message
    assert alice.held_fen == 0
    certify(system, bob, some_key())


def test_a_load_from_before_keeps_its_answer(system: System, alice: Holder) -> None:
    key = certify(system, alice, some_key()).key
    order = load_order(alice, key)
    first = system.bank.offline.loads.load(order)
    revoke(system, key)
    assert system.bank.offline.loads.load(order) == first


def test_who_asks_for_a_certificate_is_judged_by_the_newest_bundle(
    system: System, alice: Holder
) -> None:
    woken: list[int] = []
    system.bank.offline.revocations.on_found = lambda: woken.append(1)
    key = certify(system, alice, some_key()).key
    assert not woken
    system.central.revoked.append(revocation_of(system, key))
    system.clock.advance(BUNDLE_FRESH_MS)
    no(errors_pb2.REASON_DEVICE_REVOKED, certify, system, alice, some_key())
    assert woken == [1]


def test_a_report_that_gets_no_answer_is_made_again(system: System, alice: Holder) -> None:
    key, other = (certify(system, alice, some_key()).key for _ in range(2))

    def silent(*_: Any) -> None:
        raise NoAnswer("silence")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(system.central, "revoke", silent)
        with pytest.raises(NoAnswer):
            revoke(system, key)
    no(errors_pb2.REASON_DEVICE_REVOKED, system.bank.offline.loads.load, load_order(alice, other))
    system.restart()
    revoke(system)
    assert reported(system) == {other}


def test_a_key_whose_certificate_has_run_out_is_not_reported(system: System, alice: Holder) -> None:
    old = certify(system, alice, some_key()).key
    system.clock.advance(DEVICE_LIFETIME_MS + 1)
    new = certify(system, alice, some_key()).key
    revoke(system, new)
    assert reported(system) == set()
    no(errors_pb2.REASON_DEVICE_REVOKED, system.bank.offline.loads.load, load_order(alice, old))


def test_many_keys_are_reported_part_by_part(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operator_bank.offline.device_keys.MAX_REPORTED", 2)
    keys = [certify(system, alice, some_key()).key for _ in range(6)]
    revoke(system, keys[0])
    assert reported(system) == set(keys[1:])


# What is forgotten


def known(system: System) -> set[bytes]:
    with system.engine.connect() as connection:
        return set(connection.execute(select(devices.c.device_key)).scalars())


def step(system: System) -> bool:
    """A round of the bank's work on its devices."""
    return system.bank.offline.revocations.step()


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
    no(errors_pb2.REASON_DEVICE_UNKNOWN, system.bank.offline.loads.load, load_order(alice, first))


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
    no(errors_pb2.REASON_DEVICE_REVOKED, certify, system, alice, some_key())


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
    no(errors_pb2.REASON_DEVICE_REVOKED, certify, system, alice, some_key())
    no(errors_pb2.REASON_DEVICE_REVOKED, certify, system, bob, some_key())


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
        why = (errors_pb2.REASON_TOKEN_INVALID, "TOKEN_EXPIRED")
        return [refused_deposit(item.number, item.offline_payment, *why)]

    monkeypatch.setattr(system.central, "deposit", expired)
    key = certify(system, alice, some_key()).key
    order = deposit_order(alice, key)
    for _ in range(2):
        refusal = no(
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
        assert no(errors_pb2.REASON_FIELD_INVALID, system.bank.offline.statements, wrong)
    many = [ours] * (MAX_CERTIFICATES_ASKED + 1)
    no(errors_pb2.REASON_TOO_MANY_ITEMS, system.bank.offline.statements, many)
    system.central.silent = True
    no(errors_pb2.REASON_PEER_UNAVAILABLE, system.bank.offline.statements, [ours])
