"""The audit names what is pulled out of a deposit account without its holder's order."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcep.bank.v1 import orders_pb2
from runtime.envelope import sign
from settlement.records import Kind, RecordFlag, record_digest
from tests.auditor.forging import Beside
from tests.auditor.told import ALICE, BOB, CAROL, Stack, named


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Alice pays Carol within the bank, and Bob at the other one, more than she has."""
    made = Stack(tmp_path)
    for payee, fen in ((CAROL, 100_500), (BOB, 700)):
        made.holder(ALICE).pay(made.number(payee), fen, top_up=True)
    made.settle()
    return made


def head(stack: Stack, told: list[Beside], kind: Kind) -> int:
    """The index of Alice's payment that is topped up."""
    return next(
        index
        for index, one in enumerate(told)
        if one.record["flags"] & RecordFlag.DECIDED_LAST and one.record["kind"] == kind
    )


def test_honest_top_ups_are_proved(stack: Stack) -> None:
    assert stack.audit().ok, stack.problems()
    shown = stack.holder(ALICE).show()
    assert (shown.available_fen, shown.deposit_fen) == (0, 500_000 - 100_000 - 500 - 700)
    lines = stack.holder(ALICE).history()[0]
    assert [(one.moved_fen, one.top_up_fen) for one in lines[:2]] == [(-700, 700), (-100_500, 500)]


@pytest.mark.parametrize("kind", [Kind.TRANSFER, Kind.HOLD])
@pytest.mark.parametrize("part", [1, 2])
def test_more_than_was_ordered_is_named(stack: Stack, kind: Kind, part: int) -> None:
    def change(told: list[Beside]) -> None:
        place = head(stack, told, kind)
        told[place + part].record["amount_fen"] += 1

    stack.forge("alpha", change)
    said = "top-up" if part == 1 else "something else than its order"
    assert named(stack.problems(), stack.number(ALICE), said)


def test_out_of_somebody_else_s_deposit_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        place = head(stack, told, Kind.TRANSFER)
        told[place + 2].record["debit"] = stack.account(CAROL) + 1

    stack.forge("alpha", change)
    assert named(stack.problems(), stack.number(ALICE), "something else than its order")


def test_into_somebody_else_s_wallet_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        place = head(stack, told, Kind.TRANSFER)
        paid, currency, _ = told[place : place + 3]
        currency.record["credit"] = stack.account(CAROL)
        paid.record["flags"] = RecordFlag.LINKED

    stack.forge("alpha", change)
    assert named(stack.problems(), stack.number(ALICE))


def ordered_so(stack: Stack, one: Beside, fen: int) -> None:
    """Alice's payment stands on another order of hers, with so much of a top-up."""
    order = orders_pb2.PaymentOrder.FromString(one.note)
    order.top_up_fen = fen
    key = stack.system.built[ALICE].home.key()
    signed = sign(order, key, b"")
    one.note, one.signature = signed.payload, signed.signature
    one.record["digest"] = record_digest(signed.payload)


def test_one_that_is_left_out_is_named(tmp_path: Path) -> None:
    """She has ordered it with a top-up; the bank has her wallet pay alone."""
    stack = Stack(tmp_path)
    stack.pay(ALICE, CAROL, 40)
    stack.forge("alpha", lambda told: ordered_so(stack, told[-1], 9))
    assert named(stack.problems(), stack.number(ALICE), "top-up", "9")


@pytest.mark.parametrize("kind", [Kind.TRANSFER, Kind.HOLD])
def test_one_that_the_order_does_not_want_is_named(stack: Stack, kind: Kind) -> None:
    stack.forge("alpha", lambda told: ordered_so(stack, told[head(stack, told, kind)], 0))
    assert named(stack.problems(), stack.number(ALICE), "top-up")
