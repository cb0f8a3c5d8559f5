"""A forger who gives a wallet another class, or its holder more proofs, is named by the audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from currency.proofs import Proof
from operator_bank.customers.tables import class_changes, customers
from settlement.records import Kind
from tests.auditor.forging import Beside
from tests.auditor.officers import change
from tests.auditor.told import Stack, named


@pytest.fixture
def changed(tmp_path: Path) -> Stack:
    """Alice was of class IV for a while."""
    stack = Stack(tmp_path)
    for wanted in (4, 2):
        change(stack, wanted)
        stack.system.clock.advance(1_000)
    assert stack.problems() == []
    return stack


def forge(stack: Stack, **values: Any) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(update(class_changes).values(**values))


def test_a_change_that_nobody_ordered_is_named(changed: Stack) -> None:
    with changed.system.engines["alpha"].begin() as connection:
        connection.execute(delete(class_changes))
    assert named(changed.problems(), "nobody ordered a change")


def test_a_better_class_than_was_shown_is_named(changed: Stack) -> None:
    forge(changed, shown=int(Proof.PHONE))
    assert named(changed.problems(), "not shown enough for class II")


def test_another_class_than_was_ordered_is_named(changed: Stack) -> None:
    def better(told: list[Beside]) -> None:
        for one in told:
            if one.record["kind"] == Kind.SET_LIMIT_SET:
                one.record["ref"] = 3

    changed.forge("alpha", better)
    assert named(changed.problems(), "class")


def test_an_order_by_another_key_is_named(changed: Stack) -> None:
    forge(changed, order_signature=bytes(64))
    assert named(changed.problems(), "not by the wallet's key")


def test_a_change_that_no_record_did_is_named(changed: Stack) -> None:
    row = {"position": 7, "wallet": 1, "wallet_class": 1, "shown": 31, "time_ms": 1}
    with changed.system.engines["alpha"].begin() as connection:
        connection.execute(class_changes.insert().values(row))
    assert named(changed.problems(), "no record did this")


def test_proofs_that_came_from_nowhere_are_named(changed: Stack) -> None:
    with changed.system.engines["alpha"].begin() as connection:
        connection.execute(update(customers).values(shown=31))
    assert named(changed.problems(), "has shown nothing of the kind")
