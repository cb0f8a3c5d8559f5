"""A look at a customer that was taken out of the record, or put into it, is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from dcep.bank.v1 import officers_pb2
from operator_bank.counter.tables import customer_looks
from operator_bank.limits import LOOKS_KEPT_MS
from tests.auditor.told import ALICE, Stack, named
from tests.central_bank.system import NOW_MS
from tests.officers.people import Person

WANG, ZHOU = Person("alpha", "wang"), Person("alpha", "zhou")


def look(stack: Stack, who: Person = WANG) -> None:
    looks, now_ms = stack.system.built["alpha"].looks, stack.system.clock.now_ms()
    last = looks.last(who.name)
    said = officers_pb2.CustomerLook(
        bank="alpha",
        officer=who.name,
        number=last.number + 1,
        previous_time_ms=last.time_ms,
        wallet_number=stack.number(ALICE),
        cause="a letter",
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    looks.look(who.identity, who.signer.sign(said))
    stack.system.clock.advance(1_000)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Wang has looked three times, zhou twice."""
    made = Stack(tmp_path)
    for who in (WANG, ZHOU, WANG, ZHOU, WANG):
        look(made, who)
    assert made.problems() == []
    return made


def write(stack: Stack, statement: object) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize("number", [1, 2])
def test_a_look_that_was_taken_out_is_missed(stack: Stack, number: int) -> None:
    of = customer_looks.c
    write(stack, delete(customer_looks).where(of.officer == "wang", of.number == number))
    assert named(stack.problems(), "customer_looks", "a look of wang before it is missing")


def test_the_last_look_is_missed_once_the_officer_looks_again(stack: Stack) -> None:
    write(stack, delete(customer_looks).where(customer_looks.c.officer == "wang"))
    assert stack.problems() == [], "which the officer's own command notices"
    look(stack)
    assert stack.problems() == []


def test_a_look_in_somebodys_name_is_named(stack: Stack) -> None:
    with stack.system.engines["alpha"].connect() as connection:
        row = connection.execute(select(customer_looks)).mappings().first()
    assert row is not None
    forged = {**row, "id": 99, "officer": "chen"}
    write(stack, insert(customer_looks).values(forged))
    assert named(stack.problems(), "customer_looks, row id=99", "officer")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"signature": bytes(64)}, "not signed by a key that wang had then"),
        ({"time_ms": NOW_MS + 600_000}, "it was written down at"),
        ({"number": 7}, "number"),
        ({"payload": b"\xff"}, "customer_looks"),
    ],
)
def test_a_look_that_was_changed_is_named(stack: Stack, value: dict[str, Any], said: str) -> None:
    of = customer_looks.c
    write(stack, update(customer_looks).where(of.officer == "wang", of.number == 3).values(**value))
    assert named(stack.problems(), "customer_looks", said)


def test_old_looks_may_go(stack: Stack) -> None:
    stack.system.clock.advance(LOOKS_KEPT_MS)
    look(stack)
    with stack.system.engines["alpha"].connect() as connection:
        assert len(connection.execute(select(customer_looks)).all()) == 2
    assert stack.problems() == []
