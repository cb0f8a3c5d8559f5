"""The audit proves on whose word a key came: a recovery key's, or that of the key before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import delete, insert, select, update

from currency.key_code import code_of
from dcep.bank.v1 import keys_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from operator_bank.keys.tables import key_replacements, recovery_keys
from runtime.envelope import sign
from settlement.records import first_sequence
from tests.auditor.officers import by_two
from tests.auditor.simulated import KEY_WAIT_MS
from tests.auditor.told import ALICE, CAROL, STRANGER, Stack, named
from tests.auditor.wallet_keys import in_force, paid
from tests.openings import opening

PHRASE = SigningKey(b"\x31" * 32)
OPENED = SigningKey(b"\x32" * 32)
NEXT = SigningKey(b"\x33" * 32)
NEW = SigningKey(b"\x34" * 32)
OTHER = SigningKey(b"\x35" * 32)
THIRD = SigningKey(b"\x36" * 32)


def says(stack: Stack, kind: Any, key: SigningKey, key_id: bytes = b"", **fields: Any) -> Any:
    now_ms = stack.system.clock.now_ms()
    times = {"created_time_ms": now_ms, "expires_time_ms": now_ms + 60_000}
    content = kind(**{"bank": "alpha", **times, **fields})
    return sign(content, key, key_id or bytes(key.verify_key).hex().encode())


def request(stack: Stack, number: str, key: SigningKey) -> SignedEnvelope:
    public = bytes(key.verify_key)
    return says(stack, keys_pb2.KeyRequest, key, wallet_number=number, public_key=public)


def rotated(stack: Stack, name: str, key: SigningKey, phrase: SigningKey) -> None:
    number = stack.number(name)
    order = says(
        stack,
        keys_pb2.RotateKeyOrder,
        stack.system.built[name].home.key(),
        number.encode(),
        wallet_number=number,
        request=request(stack, number, key),
        recovery_key=bytes(phrase.verify_key),
    )
    stack.system.built["alpha"].keys.rotations.rotate(order)


def asked(stack: Stack, number: str, phrase: SigningKey, key: SigningKey) -> SignedEnvelope:
    order = says(
        stack,
        keys_pb2.RecoveryOrder,
        phrase,
        wallet_number=number,
        request=request(stack, number, key),
    )
    stack.system.built["alpha"].keys.recoveries.recover(order)
    return order


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Alice has named a phrase with her second key and come back by it; somebody opened a wallet
    with a phrase, asked twice, and officers have called the second one off.
    """
    stack = Stack(tmp_path)
    stack.pay(ALICE, CAROL, 1_000)
    rotated(stack, ALICE, NEXT, PHRASE)
    paid(stack, NEXT, first_sequence(1) + 1)
    asked(stack, stack.number(ALICE), PHRASE, NEW)
    in_force(stack)
    paid(stack, NEW, first_sequence(2) + 1)
    bank, clock = stack.system.built["alpha"], stack.system.clock
    named_ = bytes(OPENED.verify_key)
    opened = bank.opening.open(opening("alpha", clock.now_ms(), recovery_key=named_))
    asked(stack, opened.number, OPENED, OTHER)
    clock.advance(1)
    asked(stack, opened.number, OPENED, THIRD)
    by_two(
        stack,
        office_pb2.CancelKey(wallet_number=opened.number, public_key=bytes(THIRD.verify_key)),
    )
    assert stack.problems() == []
    return stack


def change(stack: Stack, key: SigningKey, **values: Any) -> None:
    """Changes the row of a key that has replaced another, or was to."""
    with stack.system.engines["alpha"].begin() as connection:
        its = key_replacements.c.public_key == bytes(key.verify_key)
        statement = update(key_replacements).where(its).values(values)
        assert connection.execute(statement).rowcount == 1


def change_named(stack: Stack, phrase: SigningKey, **values: Any) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        its = recovery_keys.c.recovery_key == bytes(phrase.verify_key)
        statement = update(recovery_keys).where(its).values(values)
        assert connection.execute(statement).rowcount == 1


@pytest.mark.parametrize("phrase", [PHRASE, OPENED])
def test_a_bank_that_swaps_a_recovery_key_is_named(stack: Stack, phrase: SigningKey) -> None:
    change_named(stack, phrase, recovery_key=bytes(STRANGER.verify_key))
    problems = stack.problems()
    assert named(problems, "no order has named this recovery key")
    assert named(problems, "the recovery key of wallet", "is missing")
    assert named(problems, "the recovery key did not count")


def test_a_thief_whom_the_bank_gives_a_recovery_key_is_named(stack: Stack) -> None:
    """The bank writes the row and takes the order: nothing that carol has signed names the key."""
    row = {
        "recovery_key": bytes(STRANGER.verify_key),
        "number": stack.number(CAROL),
        "key_number": 0,
        "time_ms": stack.system.clock.now_ms(),
    }
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(insert(recovery_keys), row)
    asked(stack, stack.number(CAROL), STRANGER, SigningKey(b"\x41" * 32))
    in_force(stack)
    assert named(stack.problems(), "no order has named this recovery key")


@pytest.mark.parametrize(
    ("key", "cells"),
    [
        (NEXT, [
            ("digest", bytes(32)), ("signature", bytes(64)), ("payload", b""), ("key_number", 2),
            ("public_key", bytes(STRANGER.verify_key)), ("ended_time_ms", 5), ("act", 99),
            ("cause", keys_pb2.KEY_CAUSE_PHRASE), ("cause", keys_pb2.KEY_CAUSE_OFFICERS),
            ("state", keys_pb2.KEY_STATE_OBJECTED), ("position", 1),
        ]),
        (NEW, [
            ("digest", bytes(32)), ("signature", bytes(64)), ("payload", b""), ("key_number", 1),
            ("recovery_key", bytes(OPENED.verify_key)), ("approved_time_ms", 5), ("act", 99),
            ("cause", keys_pb2.KEY_CAUSE_ROTATION), ("public_key", bytes(STRANGER.verify_key)),
            ("state", keys_pb2.KEY_STATE_SUPERSEDED), ("due_time_ms", 1 << 45),
        ]),
        (OTHER, [
            ("recovery_key", bytes(PHRASE.verify_key)), ("ended_time_ms", 5),
            ("state", keys_pb2.KEY_STATE_CANCELLED), ("signature", bytes(64)),
        ]),
        (THIRD, [
            ("cancelled_by", 99), ("cancelled_by", None), ("ended_time_ms", 5),
            ("state", keys_pb2.KEY_STATE_APPROVED), ("public_key", bytes(STRANGER.verify_key)),
        ]),
    ],
)  # fmt: skip
def test_each_cell_is_proved(stack: Stack, key: SigningKey, cells: list[tuple[str, Any]]) -> None:
    with stack.system.engines["alpha"].connect() as connection:
        its = key_replacements.c.public_key == bytes(key.verify_key)
        row = connection.execute(select(key_replacements).where(its)).one()
    for what, value in cells:
        change_row(stack, row.id, **{what: value})
        assert stack.problems() != [], (what, value)
        change_row(stack, row.id, **{what: getattr(row, what)})
    assert stack.problems() == []


def change_row(stack: Stack, row_id: int, **values: Any) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(
            update(key_replacements).where(key_replacements.c.id == row_id).values(values)
        )


def test_a_phrase_that_goes_on_alone_after_an_objection_is_named(stack: Stack) -> None:
    """The bank forgets the objection, takes the next order, and then shows the objection again."""
    asked(stack, stack.number(ALICE), PHRASE, OTHER2)
    objected = says(
        stack,
        keys_pb2.KeyObjection,
        NEW,
        stack.number(ALICE).encode(),
        wallet_number=stack.number(ALICE),
        public_key=bytes(OTHER2.verify_key),
    )
    stack.system.built["alpha"].keys.replacements.object(objected)
    assert stack.problems() == []
    kept = {"recovery_key": bytes(STRANGER.verify_key)}
    change(stack, OTHER2, **kept)
    stack.system.clock.advance(1)
    asked(stack, stack.number(ALICE), PHRASE, FOURTH)
    change(stack, OTHER2, recovery_key=bytes(PHRASE.verify_key))
    assert named(stack.problems(), "decides nothing alone")


OTHER2 = SigningKey(b"\x42" * 32)
FOURTH = SigningKey(b"\x43" * 32)


def test_a_rotation_that_is_gone_is_named(stack: Stack) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        its = key_replacements.c.public_key == bytes(NEXT.verify_key)
        connection.execute(delete(key_replacements).where(its))
    assert stack.problems() != []


def test_what_officers_and_phrase_have_decided_is_proved(stack: Stack) -> None:
    number, key = stack.number(ALICE), SigningKey(b"\x44" * 32)
    now_ms = stack.system.clock.now_ms()
    wish = office_pb2.ReplaceKey(
        wallet_number=number,
        request=request(stack, number, key),
        holder_name=ALICE,
        wait_ms=KEY_WAIT_MS,
        recovery=says(
            stack,
            keys_pb2.RecoveryOrder,
            PHRASE,
            wallet_number=number,
            request=request(stack, number, key),
        ),
    )
    by_two(stack, wish)
    in_force(stack)
    assert now_ms and stack.problems() == []
    change(stack, key, recovery_key=bytes(OPENED.verify_key))
    assert named(stack.problems(), "did not count")
    change(stack, key, recovery_key=None)
    assert named(stack.problems(), "it is not as its order says")
    assert code_of(bytes(key.verify_key))
