"""The audit proves which key each wallet had when: by two officers, in time, and unobjected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import delete, insert, select, update

from currency.key_code import code_of
from dcep.bank.v1 import keys_pb2
from operator_bank.keys.tables import key_replacements
from operator_bank.ledger.tables import ledger as bank_tables
from settlement.build import open_ledger
from settlement.records import Kind, Result, first_sequence, record_digest
from tests.auditor.forging import Beside
from tests.auditor.told import ALICE, CAROL, STRANGER, Stack, named
from tests.auditor.wallet_keys import approved, in_force, paid, payment

NEW = SigningKey(b"\x21" * 32)
OTHER = SigningKey(b"\x22" * 32)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Alice has paid by her first key and by her second; carol has objected to another one."""
    stack = Stack(tmp_path)
    stack.pay(ALICE, CAROL, 1_000)
    approved(stack, ALICE, NEW)
    in_force(stack)
    paid(stack, NEW, first_sequence(1) + 1)
    approved(stack, CAROL, OTHER)
    stack.system.built[CAROL].key_here().object(code_of(bytes(OTHER.verify_key)))
    assert stack.problems() == []
    return stack


def change(stack: Stack, name: str, **values: Any) -> None:
    """Changes the replacement of somebody's key."""
    table = key_replacements
    with stack.system.engines["alpha"].begin() as connection:
        statement = update(table).where(table.c.number == stack.number(name)).values(values)
        assert connection.execute(statement).rowcount == 1


def test_who_ordered_by_which_key_is_proved(stack: Stack) -> None:
    stack.settle()
    assert stack.problems() == []


def test_a_key_that_no_officers_gave_is_named(stack: Stack) -> None:
    row = {
        "cause": keys_pb2.KEY_CAUSE_OFFICERS, "act": 99, "digest": bytes(32),
        "number": stack.number(CAROL),
        "public_key": bytes(STRANGER.verify_key), "approved_time_ms": 1, "due_time_ms": 2,
        "state": keys_pb2.KEY_STATE_IN_FORCE, "key_number": 1, "position": 3, "ended_time_ms": 4,
    }  # fmt: skip
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(insert(key_replacements), row)
    problems = stack.problems()
    assert named(problems, "key_replacements, row id=", "no record has put it in force")


def test_another_key_in_the_table_is_named(stack: Stack) -> None:
    change(stack, ALICE, public_key=bytes(STRANGER.verify_key))
    problems = stack.problems()
    assert named(problems, "key_replacements", "its order's key is")
    assert named(problems, "the signature")


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("due_time_ms", 5), ("approved_time_ms", 5), ("ended_time_ms", 5), ("key_number", 2),
        ("position", 1), ("digest", bytes(32)), ("cause", keys_pb2.KEY_CAUSE_PHRASE),
        ("cause", keys_pb2.KEY_CAUSE_ROTATION), ("recovery_key", bytes(32)), ("cancelled_by", 1),
        ("state", keys_pb2.KEY_STATE_REFUSED), ("state", keys_pb2.KEY_STATE_OBJECTED),
    ],
)  # fmt: skip
def test_each_cell_of_a_replacement_is_proved(stack: Stack, what: str, value: Any) -> None:
    change(stack, ALICE, **{what: value})
    assert stack.problems() != []


def test_a_replacement_that_is_gone_is_named(stack: Stack) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(delete(key_replacements))
    problems = stack.problems()
    assert named(problems, "of two officers is missing")
    assert named(problems, "no act of two officers is behind it")


def test_an_objection_that_was_not_signed_or_is_gone_is_named(stack: Stack) -> None:
    change(stack, CAROL, objection_signature=bytes(64))
    assert named(stack.problems(), "the objection")
    change(stack, CAROL, objection=None)
    assert named(stack.problems(), "it is not as its objection says")


def test_a_key_put_in_force_before_its_time_is_named(stack: Stack) -> None:
    at = next(iter(rows(stack)))

    def earlier(told: list[Beside]) -> None:
        for one in told:
            if one.record["kind"] == Kind.REPLACE_KEY:
                one.record["time_ms"] = at.due_time_ms - 1

    stack.forge("alpha", earlier)
    change(stack, ALICE, ended_time_ms=at.due_time_ms - 1)
    assert named(stack.problems(), "could still have objected")


def test_a_replacement_that_no_record_says_is_named(stack: Stack) -> None:
    def without(told: list[Beside]) -> None:
        for one in told:
            if one.record["kind"] == Kind.REPLACE_KEY:
                one.record["ref"] = 7  # refused by the rule

    stack.forge("alpha", without)
    assert stack.problems() != []


def put_in(stack: Stack, envelope: Any, sequence: int, *, after: bool) -> None:
    """Writes a payment of alice's into the journal, before her key was replaced or after."""

    def insert_(told: list[Beside]) -> None:
        record = stack.payment(ALICE, stack.account(CAROL), 5, sequence, bytes(envelope.payload))
        record["digest"] = record_digest(envelope.payload)
        at = next(i for i, one in enumerate(told) if one.record["kind"] == Kind.REPLACE_KEY)
        place = len(told) if after else at
        told.insert(place, Beside(record, envelope.payload, envelope.signature))

    stack.forge("alpha", insert_)


def test_an_order_of_the_next_key_before_its_time_is_named(stack: Stack) -> None:
    sequence = first_sequence(1) + 9
    put_in(stack, payment(stack, NEW, sequence), sequence, after=False)
    assert named(stack.problems(), "its order is of a key that was not the wallet's then")


def test_an_order_of_the_key_before_moves_nothing_whoever_writes_it_down(stack: Stack) -> None:
    """The rule refuses it, so that there is nothing to name."""
    put_in(stack, payment(stack, stack.system.built[ALICE].home.key(), 900), 900, after=True)
    ledger = open_ledger(stack.system.engines["alpha"], bank_tables, threaded=False)
    [entry] = list(ledger.journal.read(ledger.core.position - 1))
    assert int(entry.results[-1]) == Result.SEQUENCE_STALE
    assert stack.problems() == []


def rows(stack: Stack) -> list[Any]:
    with stack.system.engines["alpha"].connect() as connection:
        return list(connection.execute(select(key_replacements)).all())
