"""A wallet's key puts another one in its own place, at once and once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from nacl.signing import SigningKey

from dcep.bank.v1 import keys_pb2
from dcep.office.v1.office_pb2 import FreezeWallet
from operator_bank.keys import rotating
from operator_bank.limits import ROTATIONS_PER_DAY
from runtime.envelope import sign
from runtime.errors import Refusal
from settlement.core import Answers, Batch
from settlement.limits import MAX_KEYS
from settlement.records import first_sequence
from tests.operator_bank.keys import (
    APPROVED,
    IN_FORCE,
    REPLACED,
    approved,
    asked,
    holding,
    in_force,
    rotated,
    rotation,
    said,
    state,
)
from tests.operator_bank.system import Holder, System
from tests.refusals import refused_for

DAY_MS = 86_400_000


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.generate()


def test_the_next_key_counts_at_once_and_the_one_before_no_more(
    system: System, bob: Holder, alice: Holder, key: SigningKey
) -> None:
    bob.exchange(500)
    late = bob.order(alice.number, 7)
    new = rotated(system, bob, key)
    assert new.sequence == first_sequence(1)
    assert state(system, bob.number, key).state == IN_FORCE
    assert state(system, bob.number, bob.key).state == REPLACED
    assert refused_for(system.bank.payments.pay, late, 0.0) == "SIGNATURE_INVALID"
    new.pay(alice.number, 100)
    system.restart()
    assert system.bank.directory.get(bob.number).public_key == bytes(key.verify_key)
    assert refused_for(system.bank.payments.pay, late, 0.0) == "SIGNATURE_INVALID"


def test_of_two_homes_with_the_same_key_the_first_to_come_has_the_wallet(
    system: System, bob: Holder, alice: Holder
) -> None:
    """Two restores of one backup: none of them orders along with the other."""
    bob.exchange(500)
    keys = [SigningKey.generate() for _ in range(8)]
    orders = [rotation(system, bob, key) for key in keys]
    bank = system.restart(threaded=True)

    def one(order: Any) -> str:
        try:
            bank.keys.rotations.rotate(order)
        except Refusal as refusal:
            return refusal.name
        return "done"

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(one, orders))
    assert sorted(set(ends) - {"KEY_REPLACED", "SIGNATURE_INVALID"}) == ["done"]
    assert ends.count("done") == 1
    new = holding(system, bob, keys[ends.index("done")])
    assert (new.wallet.key_number, new.sequence) == (1, first_sequence(1))
    new.pay(alice.number, 500)
    assert len(bank.keys.replacements.rows(bob.number)) == 1
    bank.books.stop()
    system.restart()


def test_payments_and_a_rotation_at_once_use_no_sequence_twice(
    system: System, bob: Holder, alice: Holder, key: SigningKey
) -> None:
    """A home is restored while the old telephone pays."""
    bob.exchange(2_000)
    bank, before = system.restart(threaded=True), alice.fen
    orders = [bob.order(alice.number, 1) for _ in range(60)]

    def pay(order: Any) -> int:
        try:
            bank.payments.pay(order, 0.0)
        except Refusal as refusal:
            assert refusal.name in ("KEY_REPLACED", "SIGNATURE_INVALID")
            return 0
        return 1

    with ThreadPoolExecutor(4) as pool:
        paying = pool.map(pay, orders)
        rotating_ = pool.submit(bank.keys.rotations.rotate, rotation(system, bob, key))
        done = sum(paying)
        rotating_.result()
    assert alice.fen - before == done
    new = holding(system, bob, key)
    assert new.sequence == first_sequence(1)
    assert new.fen == 2_000 - done
    bank.books.stop()
    system.restart()


def test_a_rotation_is_the_keys_in_force_for_this_bank_and_now(
    system: System, bob: Holder, alice: Holder, key: SigningKey
) -> None:
    now_ms, rotate = system.clock.now_ms(), system.bank.keys.rotations.rotate
    forged = sign(
        keys_pb2.RotateKeyOrder.FromString(rotation(system, bob, key).payload),
        SigningKey.generate(),
        bob.number.encode(),
    )
    assert refused_for(rotate, forged) == "SIGNATURE_INVALID"
    of_alice = said(system, keys_pb2.KeyRequest, alice.number, key)
    cases: list[tuple[str, dict[str, Any]]] = [
        ("FIELD_INVALID", {"bank": "beta"}),
        ("WRONG_WALLET", {"request": of_alice}),
        ("WRONG_WALLET", {"wallet_number": alice.number}),
        ("EXPIRED", {"created_time_ms": now_ms - 2, "expires_time_ms": now_ms - 1}),
        ("VALIDITY_TOO_LONG", {"expires_time_ms": now_ms + 600_001}),
        ("NOT_YET_VALID", {"created_time_ms": now_ms + 60_001, "expires_time_ms": now_ms + 60_002}),
    ]
    for reason, fields in cases:
        assert refused_for(rotate, rotation(system, bob, key, **fields)) == reason, fields
    assert refused_for(rotate, rotation(system, bob, bob.key)) == "ALREADY_DECIDED"
    assert system.bank.keys.replacements.rows(bob.number) == []
    system.bank.wallets.close(bob.closing())
    assert refused_for(rotate, rotation(system, bob, key)) == "WALLET_CLOSED"


def test_a_key_that_is_on_its_way_goes_on_after_a_rotation(
    system: System, bob: Holder, key: SigningKey
) -> None:
    """A thief with the home who changes its key does not stop the officers by that."""
    asked(system, bob.number, key)
    approved(system, bob, key)
    thief = rotated(system, bob, SigningKey.generate())
    told = state(system, bob.number, thief.key)
    assert told.successor == bytes(key.verify_key)
    assert state(system, bob.number, key).state == APPROVED
    new = in_force(system, thief, key)
    assert (new.wallet.key_number, new.sequence) == (2, first_sequence(2))
    assert state(system, bob.number, thief.key).state == REPLACED
    assert state(system, bob.number, bob.key).state == REPLACED


def test_a_frozen_wallet_stays_frozen(system: System, bob: Holder, key: SigningKey) -> None:
    bob.exchange(10)
    system.both(FreezeWallet(wallet_number=bob.number))
    assert refused_for(rotated(system, bob, key).exchange, 1) == "WALLET_FROZEN"


def test_rotations_are_bounded_and_leave_keys_to_officers_and_phrases(
    system: System, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = bob
    for _ in range(ROTATIONS_PER_DAY):
        holder = rotated(system, holder, SigningKey.generate())
    assert refused_for(rotated, system, holder, SigningKey.generate()) == "OVERLOADED"
    system.clock.advance(DAY_MS)
    monkeypatch.setattr(rotating, "KEYS_KEPT_BACK", MAX_KEYS - ROTATIONS_PER_DAY - 1)
    assert refused_for(rotated, system, holder, SigningKey.generate()) == "FIELD_INVALID"
    key = SigningKey.generate()
    approved(system, holder, key)
    assert in_force(system, holder, key).wallet.key_number == ROTATIONS_PER_DAY + 1


def test_a_crash_after_the_commit_leaves_the_next_key_in_force(
    system: System, bob: Holder, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = system.bank.books.ledger.submit

    def lost(batch: Batch) -> Answers:
        submit(batch)
        raise RuntimeError("the machine is gone")

    monkeypatch.setattr(system.bank.books.ledger, "submit", lost)
    with pytest.raises(RuntimeError):
        rotated(system, bob, key)
    monkeypatch.undo()
    system.restart()
    assert state(system, bob.number, key).state == IN_FORCE
    assert holding(system, bob, key).sequence == first_sequence(1)
