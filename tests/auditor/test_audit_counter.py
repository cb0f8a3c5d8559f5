"""Whoever writes a bank's database, and is no two officers, confirms nobody's presence."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from currency.papers import seen_digest
from currency.proofs import Proof
from dcep.office.v1.office_pb2 import ConfirmPresence
from operator_bank.counter.tables import presences
from operator_bank.customers.person import Person
from operator_bank.customers.sandbox_checks import AtOnce
from operator_bank.customers.tables import class_changes, customers
from operator_bank.wallets.tables import wallets
from settlement.records import Kind
from tests.auditor.forging import Beside
from tests.auditor.officers import by_two, change
from tests.auditor.told import ALICE, CAROL, Stack, named, wallet_row
from tests.operator_bank.counter import SALT, withdrawn

NOBODY = "no act of two officers is behind what its holder has shown"


def present(stack: Stack, name: str) -> None:
    """Two officers of alpha saw somebody at the counter."""
    key, number = stack.system.built[name].home.key(), stack.number(name)
    known = AtOnce().completed(Person(name=name), bytes(key.verify_key))
    shown = seen_digest(SALT, number, known.name, known.document_kind, known.document)
    by_two(stack, ConfirmPresence(wallet_number=number, salt=SALT, shown_digest=shown))


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Alice was at the counter and has class I; carol's document turned out false."""
    made = Stack(tmp_path)
    present(made, ALICE)
    change(made, 1)
    by_two(made, withdrawn(made.number(CAROL), 3))
    made.settle()
    assert made.problems() == []
    return made


def write(stack: Stack, *statements: object) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        for one in statements:
            connection.execute(one)  # type: ignore[call-overload]


def test_whose_presence_and_what_was_withdrawn_is_proved(stack: Stack) -> None:
    stack.system.clock.advance(1_000)
    present(stack, CAROL)
    change(stack, 3)
    by_two(stack, withdrawn(stack.number(ALICE), 4))
    assert stack.problems() == []
    assert stack.wallet(ALICE).wallet_class == 4


def test_a_presence_that_somebody_wrote_is_named(stack: Stack) -> None:
    more = {"act": 99, "wallet": wallet_row(stack, CAROL), "shown": 31, "time_ms": 1}
    write(stack, insert(presences).values(more))
    assert named(stack.problems(), "presences, row act=99", "no act of two officers")


def test_a_presence_by_an_act_for_another_wallet_is_named(stack: Stack) -> None:
    write(stack, update(presences).values(wallet=wallet_row(stack, CAROL)))
    assert named(stack.problems(), "presences, row act=1", "wallet")


def test_a_presence_that_was_taken_out_is_named(stack: Stack) -> None:
    write(stack, delete(presences))
    assert named(stack.problems(), "presences: act 1 of two officers is missing")


def test_proofs_beside_the_acts_are_named(stack: Stack) -> None:
    row = wallet_row(stack, CAROL)
    whose = select(wallets.c.customer).where(wallets.c.id == row).scalar_subquery()
    every = int(Proof.PHONE | Proof.DOCUMENT | Proof.ACCOUNT | Proof.PRESENCE)
    write(stack, update(customers).where(customers.c.id == whose).values(shown=every))
    assert named(stack.problems(), "has shown nothing of the kind")
    # With a row that would stand for it, and without an act.
    more = {"act": 99, "wallet": row, "shown": every, "time_ms": 1}
    write(stack, insert(presences).values(more))
    assert named(stack.problems(), f"row id={row}", NOBODY)


def test_a_class_by_a_presence_that_came_later_is_named(stack: Stack) -> None:
    by_two(stack, withdrawn(stack.number(ALICE), 2))
    stack.system.clock.advance(1_000)
    change(stack, 2)
    write(
        stack,
        update(class_changes)
        .where(
            class_changes.c.position
            == select(class_changes.c.position)
            .order_by(class_changes.c.position.desc())
            .limit(1)
            .scalar_subquery()
        )
        .values(shown=31),
    )
    assert named(stack.problems(), NOBODY)


def test_a_downgrade_that_was_softened_is_named(stack: Stack) -> None:
    write(stack, update(class_changes).where(class_changes.c.act.is_not(None)).values(shown=13))
    assert named(stack.problems(), "SET_LIMIT_SET", NOBODY) or named(
        stack.problems(), "keeps more than the act"
    )


def test_a_downgrade_that_no_two_officers_decided_is_named(stack: Stack) -> None:
    write(stack, update(class_changes).where(class_changes.c.act.is_(None)).values(act=1))
    assert named(stack.problems(), "SET_LIMIT_SET", "no act of two officers is behind it")


def test_a_downgrade_whose_record_says_a_better_class_is_named(stack: Stack) -> None:
    account = stack.account(CAROL)

    def better(told: list[Beside]) -> None:
        for one in told:
            if (one.record["kind"], one.record["credit"]) == (Kind.SET_LIMIT_SET, account):
                one.record["ref"] = 2

    stack.forge("alpha", better)
    write(
        stack, update(class_changes).where(class_changes.c.act.is_not(None)).values(wallet_class=2)
    )
    assert named(stack.problems(), "SET_LIMIT_SET", "not shown enough")
