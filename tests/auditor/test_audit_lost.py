"""What a bank lost and took up again is proved by the databases; whoever makes it up is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from dcep.office.v1 import office_pb2
from tests.auditor.copies import at_alpha, come_back, copied, put_back, two_payments
from tests.auditor.simulated import CENTRAL
from tests.auditor.told import ALICE, BOB, CAROL, DAN, Stack, named


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Alpha has lost a payment of 1,250 fen to beta, and has come back."""
    made = Stack(tmp_path)
    made.pay(DAN, CAROL, 2_000)
    made.settle()
    at_alpha(made, office_pb2.FreezeWallet(wallet_number=made.number(CAROL)))
    older = copied(made, "alpha")
    at_alpha(made, office_pb2.UnfreezeWallet(wallet_number=made.number(CAROL)))
    made.pay(ALICE, BOB, 1_250)
    made.settle()
    alpha = made.system.built["alpha"]
    alpha.follower.acknowledge()
    put_back(made, "alpha", older)
    come_back(made)
    alpha = made.system.built["alpha"]
    assert not alpha.standing.is_behind
    alpha.follower.acknowledge()
    return made


def entry(stack: Stack) -> int:
    (found,) = stack.system.built["alpha"].lost.page(10, 0)
    return int(found.entry)


def test_a_bank_that_came_back_is_accounted_for_with_what_it_lost_by_name(stack: Stack) -> None:
    found = stack.audit()
    assert found.problems == []
    alpha = {bank.bank: bank for bank in found.banks}["alpha"]
    assert (alpha.lost_window_fen, alpha.open_lost_fen, alpha.ok) == (1_250, -1_250, True)
    payer = stack.number(ALICE)
    lost = entry(stack)
    at_alpha(stack, office_pb2.SettleLost(entry=lost, wallet_number=payer, amount_fen=1_000))
    at_alpha(stack, office_pb2.SettleLost(entry=lost, amount_fen=250))
    found = stack.audit()
    assert found.problems == []
    alpha = {bank.bank: bank for bank in found.banks}["alpha"]
    assert (alpha.lost_window_fen, alpha.open_lost_fen) == (1_250, 0)


def test_what_officers_did_at_an_older_copy_before_it_knew_is_no_forged_history(
    tmp_path: Path,
) -> None:
    made = two_payments(tmp_path)
    older = copied(made, "alpha")
    carol = made.number(CAROL)
    at_alpha(made, office_pb2.FreezeWallet(wallet_number=carol))
    made.system.built["alpha"].follower.acknowledge()
    told_of = made.system.built["alpha"].acts.chain.place().number
    put_back(made, "alpha", older)
    for kind in (office_pb2.FreezeWallet, office_pb2.UnfreezeWallet):
        made.system.built["alpha"].follower.ask()
        at_alpha(made, kind(wallet_number=carol))  # while the central bank is away
        made.system.rebuild("alpha")
    alpha = made.system.built["alpha"]
    assert alpha.acts.chain.place().number > told_of

    come_back(made)
    alpha.follower.acknowledge()
    assert made.audit().problems == []


CHANGES = {
    "a window that nobody ordered": (
        "alpha",
        "UPDATE come_backs SET until_number = until_number + 1000",
        "no act of two officers says so",
    ),
    "a window without its row": ("alpha", "DELETE FROM come_backs", "is missing"),
    "a loss that is less": (
        "alpha",
        "UPDATE lost_moves SET amount_fen = amount_fen - 1",
        "the journal says something else",
    ),
    "a loss that is settled": (
        "alpha",
        "UPDATE lost_moves SET settled_fen = amount_fen",
        "the journal says something else",
    ),
    "a loss of another payer's": (
        "alpha",
        "UPDATE lost_moves SET payer = '6201000000000000'",
        "the journal says something else",
    ),
    "a place that nobody ordered": (
        CENTRAL,
        "UPDATE put_backs SET number = number - 1",
        "no act of two officers says so",
    ),
    "acts that are cut off further back": (
        CENTRAL,
        "UPDATE put_backs SET acts_number = 0",
        "no act of two officers says so",
    ),
    "no way back at all": (CENTRAL, "DELETE FROM put_backs", "is missing"),
    "a way back that hides what was told of acts": (
        CENTRAL,
        "INSERT INTO put_backs SELECT 1000000, bank, number, hash, 0, acts_hash, receipt, time_ms"
        " FROM put_backs",
        "row act=1000000: no act of two officers says so",
    ),
    "a window of a time to come": (
        "alpha",
        "INSERT INTO come_backs (act, incarnation, after_number, until_number)"
        " SELECT 1000000, incarnation, after_number, until_number FROM come_backs",
        "row act=1000000: no act of two officers says so",
    ),
    "a receipt that is denied": (
        CENTRAL,
        "UPDATE put_backs SET receipt = substr(receipt, 1, 40)",
        "table put_backs",
    ),
}


@pytest.mark.parametrize("name, statement, wrong", CHANGES.values(), ids=CHANGES.keys())
def test_who_changes_what_the_way_back_rests_on_is_named(
    stack: Stack, name: str, statement: str, wrong: str
) -> None:
    with stack.system.engines[name].begin() as connection:
        assert connection.execute(text(statement)).rowcount
    assert named(stack.problems(), wrong)
