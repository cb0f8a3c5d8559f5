"""A wallet's key is replaced on the word of the recovery key, unless the key in force objects."""

from __future__ import annotations

from typing import Any

import pytest
from nacl.signing import SigningKey

from currency.recovery import RECOVERY_KEPT_MS
from dcep.bank.v1 import keys_pb2, orders_pb2
from dcep.office.v1.office_pb2 import CancelKey
from operator_bank.limits import RECOVERY_ORDERS_PER_DAY
from settlement.core import Answers, Batch
from settlement.records import first_sequence
from tests.operator_bank.keys import (
    APPROVED,
    CANCELLED,
    IN_FORCE,
    OBJECTED,
    REPLACED,
    REQUESTED,
    SUPERSEDED,
    WAIT_MS,
    approved,
    in_force,
    objection,
    recover,
    recovery,
    replaced,
    rotated,
    rotation,
    said,
    speaks,
    state,
    wish,
)
from tests.operator_bank.system import FOREIGN, WANG, Holder, System
from tests.refusals import refused_for

DAY_MS = 86_400_000


@pytest.fixture
def phrase() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def carol(system: System, phrase: SigningKey) -> Holder:
    """A wallet by telephone alone, with a recovery phrase."""
    return system.open(phone="13800000001", recovery_key=bytes(phrase.verify_key))


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.generate()


def find(system: System, phrase: SigningKey, **fields: Any) -> str:
    query = speaks(system, keys_pb2.RecoveryQuery, phrase, **fields)
    return system.bank.keys.recoveries.find(query)


def test_who_has_the_phrase_alone_finds_the_wallet_and_gets_a_key(
    system: System, carol: Holder, alice: Holder, phrase: SigningKey, key: SigningKey
) -> None:
    alice.exchange(700)
    alice.pay(carol.number, 300)
    number = find(system, phrase)
    assert number == carol.number
    assert state(system, number, carol.key).has_recovery_key
    assert recover(system, number, phrase, key) == APPROVED
    told = state(system, number, carol.key)
    assert (told.successor, told.successor_is_final) == (bytes(key.verify_key), False)
    assert told.successor_cause == keys_pb2.KEY_CAUSE_PHRASE
    carol.pay(alice.number, 100)  # until then the old key orders
    new = in_force(system, carol, key)
    assert new.sequence == first_sequence(1)
    assert state(system, number, carol.key).state == REPLACED
    assert refused_for(carol.pay, alice.number, 1) == "SIGNATURE_INVALID"
    new.pay(alice.number, 200)
    system.restart()
    assert find(system, phrase) == number
    assert state(system, number, key).state == IN_FORCE


def test_a_wallet_is_replaced_by_phrase_by_officers_and_by_itself_in_any_order(
    system: System, alice: Holder, phrase: SigningKey
) -> None:
    bob = system.open("Bob", recovery_key=bytes(phrase.verify_key))
    bob.exchange(1_000)
    seen, phrases = [], [phrase]

    def paid(holder: Holder) -> Holder:
        holder.pay(alice.number, 1)
        seen.append((holder.wallet.key_number, holder.sequence))
        return holder

    def by_phrase(holder: Holder) -> Holder:
        new = SigningKey.generate()
        assert recover(system, holder.number, phrases[-1], new) == APPROVED
        return in_force(system, holder, new)

    def by_itself(holder: Holder, other: SigningKey | None = None) -> Holder:
        return rotated(system, holder, SigningKey.generate(), other)

    def with_phrase(holder: Holder) -> Holder:
        phrases.append(SigningKey.generate())
        return by_itself(holder, phrases[-1])

    def by_officers(holder: Holder) -> Holder:
        return replaced(system, holder)

    steps = (by_phrase, by_phrase, by_itself, by_phrase, by_officers, with_phrase, by_phrase)
    holder = paid(bob)
    for step in (*steps, by_officers, by_officers, by_itself, with_phrase, by_itself, by_phrase):
        holder = paid(step(holder))
        system.restart()
        system.clock.advance(DAY_MS)
    assert len(set(seen)) == len(seen) and seen == sorted(seen)
    assert [key_number for key_number, _ in seen] == list(range(len(steps) + 7))
    assert holder.fen == 1_000 - len(seen)


def test_the_key_in_force_objects_and_the_phrase_decides_nothing_alone_any_more(
    system: System, carol: Holder, phrase: SigningKey, key: SigningKey
) -> None:
    recover(system, carol.number, phrase, key)
    system.bank.keys.replacements.object(objection(system, carol, key))
    assert state(system, carol.number, key).state == OBJECTED
    system.clock.advance(2 * WAIT_MS)
    system.bank.keys.replacements.step()
    assert state(system, carol.number, carol.key).state == IN_FORCE
    # Repeated, it is what it was; another key waits for the officers.
    assert recover(system, carol.number, phrase, key) == OBJECTED
    again = SigningKey.generate()
    assert recover(system, carol.number, phrase, again) == REQUESTED
    system.clock.advance(2 * WAIT_MS)
    system.restart()
    system.bank.keys.replacements.step()
    assert state(system, carol.number, again).state == REQUESTED
    assert system.bank.keys.replacements.waiting_for(carol.number) is None


def test_officers_and_phrase_together_overrule_whoever_has_the_home(
    system: System, carol: Holder, phrase: SigningKey
) -> None:
    """A thief who has the telephone objects each time: the money is not stuck for that."""
    first, new = SigningKey.generate(), SigningKey.generate()
    recover(system, carol.number, phrase, first)
    system.bank.keys.replacements.object(objection(system, carol, first))
    system.clock.advance(1)
    recover(system, carol.number, phrase, new)
    [asked] = [each for each in system.bank.keys.asked(carol.number).keys if each.recovery.payload]
    shown = {"request": asked.request, "holder_name": "", "phone": "13800000001"}
    approved(system, carol, new, recovery=asked.recovery, **shown)
    told = state(system, carol.number, carol.key)
    assert (told.successor, told.successor_is_final) == (bytes(new.verify_key), True)
    refused = refused_for(system.bank.keys.replacements.object, objection(system, carol, new))
    assert refused == "ALREADY_DECIDED"
    holder = in_force(system, carol, new)
    assert holder.wallet.key_number == 1
    # What the thief may have named is void, and so is the phrase: the new home makes another.
    assert refused_for(find, system, phrase) == "REQUEST_UNKNOWN"
    assert not state(system, carol.number, new).has_recovery_key


def test_officers_cannot_make_up_what_the_phrase_says(
    system: System, bob: Holder, carol: Holder, phrase: SigningKey, key: SigningKey
) -> None:
    forged = recovery(system, carol.number, phrase, key)
    forged.signature = bytes(64)
    stranger = recovery(system, carol.number, SigningKey.generate(), key)
    another = recovery(system, carol.number, phrase, SigningKey.generate())
    of_bob = recovery(system, bob.number, phrase, key)
    for reason, order in (
        ("SIGNATURE_INVALID", forged),
        ("WRONG_WALLET", stranger),
        ("FIELD_INVALID", another),
    ):
        assert refused_for(system.propose, wish(system, carol, key, recovery=order)) == reason
    assert refused_for(system.propose, wish(system, bob, key, recovery=of_bob)) == "WRONG_WALLET"


def test_a_phrase_of_another_wallet_does_nothing(
    system: System, bob: Holder, carol: Holder, phrase: SigningKey, key: SigningKey
) -> None:
    assert refused_for(recover, system, bob.number, phrase, key) == "REQUEST_UNKNOWN"
    stranger = SigningKey.generate()
    assert refused_for(recover, system, carol.number, stranger, key) == "REQUEST_UNKNOWN"
    assert refused_for(find, system, stranger) == "REQUEST_UNKNOWN"
    assert system.bank.keys.replacements.rows(bob.number) == []


def test_an_order_that_is_repeated_altered_or_older_changes_nothing(
    system: System, carol: Holder, phrase: SigningKey, key: SigningKey
) -> None:
    take, other = system.bank.keys.recoveries.recover, SigningKey.generate()
    order = recovery(system, carol.number, phrase, key)
    altered = recovery(system, carol.number, phrase, key)
    altered.payload = altered.payload.replace(b"alpha", b"alphb", 1)
    assert refused_for(take, altered) == "SIGNATURE_INVALID"
    other_signs = recovery(system, carol.number, phrase, key)
    other_signs.key_id = bytes(other.verify_key).hex().encode()
    assert refused_for(take, other_signs) == "SIGNATURE_INVALID"
    assert (take(order), take(order)) == (APPROVED, APPROVED)
    older = recovery(system, carol.number, phrase, other)
    system.clock.advance(1)
    later = SigningKey.generate()
    assert recover(system, carol.number, phrase, later) == APPROVED
    assert refused_for(take, older) == "EXPIRED"
    assert take(order) == SUPERSEDED
    assert state(system, carol.number, key).state == SUPERSEDED
    waiting = system.bank.keys.replacements.waiting_for(carol.number)
    assert waiting is not None and waiting.key == bytes(later.verify_key)
    assert waiting.due_ms == system.clock.now_ms() + WAIT_MS
    system.clock.advance(700_000)
    assert refused_for(take, order) == "EXPIRED"
    assert in_force(system, carol, later).wallet.key_number == 1


def test_an_order_is_for_this_bank_this_wallet_and_now(
    system: System, carol: Holder, phrase: SigningKey, key: SigningKey
) -> None:
    now_ms, number = system.clock.now_ms(), carol.number
    of_another = said(system, keys_pb2.KeyRequest, FOREIGN, key)
    forged = said(system, keys_pb2.KeyRequest, number, key)
    forged.signature = bytes(64)
    elsewhere = said(system, keys_pb2.KeyRequest, "6201000000000020", key)
    cases: list[tuple[str, dict[str, Any]]] = [
        ("FIELD_INVALID", {"bank": "beta"}),
        ("FIELD_INVALID", {"request": of_another}),
        ("WRONG_WALLET", {"request": elsewhere}),
        ("SIGNATURE_INVALID", {"request": forged}),
        ("EXPIRED", {"created_time_ms": now_ms - 2, "expires_time_ms": now_ms - 1}),
        ("VALIDITY_TOO_LONG", {"expires_time_ms": now_ms + 600_001}),
        ("NOT_YET_VALID", {"created_time_ms": now_ms + 60_001, "expires_time_ms": now_ms + 60_002}),
    ]
    for reason, fields in cases:
        order = recovery(system, number, phrase, key, **fields)
        assert refused_for(system.bank.keys.recoveries.recover, order) == reason, fields
    assert refused_for(recover, system, number, phrase, carol.key) == "ALREADY_DECIDED"
    assert refused_for(find, system, phrase, bank="beta") == "FIELD_INVALID"
    assert refused_for(find, system, phrase, expires_time_ms=now_ms + 60_001) == "VALIDITY_TOO_LONG"
    assert system.bank.keys.replacements.rows(number) == []


def test_orders_of_a_phrase_are_bounded_by_the_day(
    system: System, carol: Holder, phrase: SigningKey
) -> None:
    for _ in range(RECOVERY_ORDERS_PER_DAY):
        system.clock.advance(1)
        assert recover(system, carol.number, phrase, SigningKey.generate()) == APPROVED
    system.clock.advance(1)
    assert refused_for(recover, system, carol.number, phrase, SigningKey.generate()) == "OVERLOADED"
    assert len(system.bank.keys.replacements.rows(carol.number)) == RECOVERY_ORDERS_PER_DAY
    system.clock.advance(DAY_MS)
    assert recover(system, carol.number, phrase, SigningKey.generate()) == APPROVED


def test_a_closed_wallet_gets_no_key_by_phrase(
    system: System, carol: Holder, phrase: SigningKey, key: SigningKey
) -> None:
    system.bank.wallets.close(carol.closing())
    assert refused_for(recover, system, carol.number, phrase, key) == "WALLET_CLOSED"


def test_a_recovery_key_is_named_once(
    system: System, carol: Holder, phrase: SigningKey, bob: Holder, key: SigningKey
) -> None:
    named = bytes(phrase.verify_key)
    again = system.opening(name="", phone="13800000002", recovery_key=named)
    assert refused_for(system.bank.opening.open, again) == "ALREADY_DECIDED"
    order = rotation(system, bob, key, phrase)
    assert refused_for(system.bank.keys.rotations.rotate, order) == "ALREADY_DECIDED"
    small = rotation(system, bob, key, recovery_key=b"\x01" + bytes(31))
    assert refused_for(system.bank.keys.rotations.rotate, small) == "FIELD_INVALID"
    assert find(system, phrase) == carol.number


def test_a_repeated_opening_is_of_the_same_phrase(system: System, phrase: SigningKey) -> None:
    key, public = SigningKey.generate(), bytes(phrase.verify_key)
    asked = system.opening(key, name="", phone="13800000003", recovery_key=public)
    first = system.bank.opening.open(asked)
    assert system.bank.opening.open(asked).number == first.number
    other = system.opening(
        key,
        name="",
        phone="13800000003",
        recovery_key=bytes(SigningKey.generate().verify_key),
        request_id=orders_pb2.OpenWalletOrder.FromString(asked.order.payload).request_id,
    )
    assert refused_for(system.bank.opening.open, other) == "ID_REUSED"


def test_a_thief_who_names_a_phrase_shuts_nobody_out_for_a_week(
    system: System, carol: Holder, phrase: SigningKey, key: SigningKey
) -> None:
    thief, its = SigningKey.generate(), SigningKey.generate()
    stolen = rotated(system, carol, thief, its)
    assert find(system, phrase) == find(system, its) == carol.number
    # The thief's phrase does not push the holder's order aside; the holder's does.
    mine = SigningKey.generate()
    assert recover(system, carol.number, its, SigningKey.generate()) == APPROVED
    system.clock.advance(1)
    assert recover(system, carol.number, phrase, mine) == APPROVED
    system.clock.advance(1)
    refused = refused_for(recover, system, carol.number, its, SigningKey.generate())
    assert refused == "ALREADY_EXISTS"
    new = in_force(system, stolen, mine)
    assert new.wallet.public_key == bytes(mine.verify_key)
    # The holder's phrase has won: the thief's is void.
    assert refused_for(find, system, its) == "REQUEST_UNKNOWN"
    assert find(system, phrase) == carol.number
    assert key is not mine


def test_the_phrase_before_ends_after_a_week(
    system: System, carol: Holder, phrase: SigningKey
) -> None:
    other = SigningKey.generate()
    rotated(system, carol, SigningKey.generate(), other)
    system.clock.advance(RECOVERY_KEPT_MS - 1)
    assert find(system, phrase) == carol.number
    system.clock.advance(1)
    assert refused_for(find, system, phrase) == "REQUEST_UNKNOWN"
    assert find(system, other) == carol.number


def test_officers_call_off_what_is_on_its_way(
    system: System, bob: Holder, carol: Holder, phrase: SigningKey, key: SigningKey
) -> None:
    approved(system, bob, key)
    cancel = CancelKey(wallet_number=bob.number, public_key=bytes(key.verify_key))
    other = CancelKey(wallet_number=carol.number, public_key=bytes(key.verify_key))
    assert refused_for(system.propose, other) == "REQUEST_UNKNOWN"
    act = system.propose(cancel)
    assert refused_for(system.approve, act, WANG) == "SAME_OFFICER"
    system.approve(act)
    assert state(system, bob.number, key).state == CANCELLED
    assert refused_for(system.both, cancel) == "REQUEST_UNKNOWN"
    system.clock.advance(2 * WAIT_MS)
    system.restart()
    system.bank.keys.replacements.step()
    assert state(system, bob.number, bob.key).state == IN_FORCE
    bob.exchange(1)
    # The same key can be approved anew: the mistake may have been to call it off.
    approved(system, bob, key)
    assert in_force(system, bob, key).wallet.key_number == 1
    # What a phrase has asked for is called off too, and it decides nothing alone any more.
    recover(system, carol.number, phrase, key)
    system.both(other)
    assert state(system, carol.number, key).state == CANCELLED
    system.clock.advance(1)
    assert recover(system, carol.number, phrase, SigningKey.generate()) == REQUESTED


def test_what_is_called_off_in_the_moment_in_which_the_key_changes_is_first_or_too_late(
    system: System, bob: Holder, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(system, bob, key)
    act = system.propose(CancelKey(wallet_number=bob.number, public_key=bytes(key.verify_key)))
    new = in_force(system, bob, key)
    assert refused_for(system.approve, act) == "REQUEST_UNKNOWN"
    assert new.wallet.public_key == bytes(key.verify_key)


def test_a_crash_after_the_commit_leaves_the_phrases_key_in_force(
    system: System, carol: Holder, phrase: SigningKey, key: SigningKey, monkeypatch: Any
) -> None:
    recover(system, carol.number, phrase, key)
    system.clock.advance(WAIT_MS)
    submit = system.bank.books.ledger.submit

    def lost(batch: Batch) -> Answers:
        submit(batch)
        raise RuntimeError("the machine is gone")

    monkeypatch.setattr(system.bank.books.ledger, "submit", lost)
    with pytest.raises(RuntimeError):
        system.bank.keys.replacements.step()
    monkeypatch.undo()
    system.restart()
    assert state(system, carol.number, key).state == IN_FORCE
    assert system.bank.keys.replacements.waiting_for(carol.number) is None
