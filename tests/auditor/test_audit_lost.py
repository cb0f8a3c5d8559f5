"""What a bank lost and took up again is proved by the databases; whoever makes it up is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from console.coming_back import next_act
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import officers_pb2
from dcep.office.v1 import office_pb2
from operator_bank.api.office import GrpcOffice
from tests.auditor.copies import copied, office, put_back, two_payments
from tests.auditor.simulated import CALL, CENTRAL
from tests.auditor.told import ALICE, BOB, CAROL, DAN, Stack, named
from tests.officers.people import Person

WANG, ZHOU = Person("alpha", "wang"), Person("alpha", "zhou")


def told(stack: Stack) -> officers_pb2.GetFeedResponse:
    """As a bank's officers see it."""
    bank = stack.system.built["alpha"]
    return GrpcOffice(bank).GetFeed(officers_pb2.GetFeedRequest(), CALL)


def beyond(stack: Stack) -> authentication_pb2.GetFeedOfResponse:
    """As the central bank's officers see it."""
    central = stack.system.built[CENTRAL]
    found = central.feed_look.beyond(central.registry.get("alpha"), told(stack).number)
    return authentication_pb2.GetFeedOfResponse(
        incarnation=central.registry.get("alpha").incarnation,
        last_entry=found.last_entry,
        last_number=found.last_number,
        journal_position=found.journal_position,
    )


def at_alpha(stack: Stack, kind: Any) -> None:
    """An act of two officers of the bank."""
    system = stack.system
    bank, now_ms = system.built["alpha"], system.clock.now_ms()
    proposal = WANG.propose(kind, now_ms, system.randomness.uuid())
    bank.acts.propose(WANG.identity, proposal)
    bank.acts.approve(ZHOU.identity, ZHOU.signer.approve(proposal.payload, now_ms))


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
    alpha = made.system.built["alpha"]
    alpha.follower.step()
    assert alpha.standing.is_behind
    office(made, next_act("alpha", told(made), beyond(made), 10))
    at_alpha(made, next_act("alpha", told(made), beyond(made), 10))
    made.settle()
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

    alpha.follower.step()
    assert alpha.standing.is_behind
    office(made, next_act("alpha", told(made), beyond(made), 10))
    at_alpha(made, next_act("alpha", told(made), beyond(made), 10))
    made.settle()
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
