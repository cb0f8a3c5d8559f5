"""Limits that nobody ordered are named by the audit."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from dcep.office.v1 import office_pb2
from settlement.records import Kind, Limit
from tests.auditor.forging import Beside, made
from tests.auditor.told import Stack, named
from tests.officers.people import Person

WANG, ZHOU = Person("alpha", "wang"), Person("alpha", "zhou")
WANTED = office_pb2.SetPolicy(
    classes=[office_pb2.ClassLimits(wallet_class=2, single_fen=7_000, day_fen=9_000)]
)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Two officers of alpha have set limits."""
    stack = Stack(tmp_path)
    acts, now_ms = stack.system.built["alpha"].acts, stack.system.clock.now_ms()
    proposal = WANG.propose(WANTED, now_ms, str(uuid.uuid4()))
    acts.propose(WANG.identity, proposal)
    acts.approve(ZHOU.identity, ZHOU.signer.approve(proposal.payload, now_ms))
    assert stack.problems() == []
    return stack


def test_a_limit_that_nobody_ordered_is_named(stack: Stack) -> None:
    record = made(kind=Kind.SET_LIMIT, credit=2, ref=int(Limit.SINGLE), amount_fen=10**9)
    stack.forge("alpha", lambda told: told.append(Beside(record)))
    assert named(stack.problems(), "SET_LIMIT", "no act of two officers is behind it")


def test_a_limit_with_a_made_up_act_is_named(stack: Stack) -> None:
    record = made(kind=Kind.SET_LIMIT, credit=2, ref=int(Limit.DAY), amount_fen=10**9, digest=77)
    stack.forge("alpha", lambda told: told.append(Beside(record)))
    assert named(stack.problems(), "SET_LIMIT", "no act of two officers is behind it")


def limits_of_acts(told: list[Beside]) -> list[Beside]:
    """The records that set a limit by two officers' act."""
    return [one for one in told if one.record["kind"] == Kind.SET_LIMIT and one.record["digest"]]


def test_another_limit_than_two_signed_is_named(stack: Stack) -> None:
    def raise_it(told: list[Beside]) -> None:
        of_act = limits_of_acts(told)
        of_act[0].record["amount_fen"] += 1

    stack.forge("alpha", raise_it)
    assert named(stack.problems(), "SET_LIMIT", "limit")


def test_a_limit_that_two_signed_and_that_was_left_out_is_named(stack: Stack) -> None:
    def leave_out(told: list[Beside]) -> None:
        of_act = limits_of_acts(told)
        # In its place one that says again what held before.
        of_act[-1].record["ref"] = of_act[0].record["ref"]
        of_act[-1].record["amount_fen"] = of_act[0].record["amount_fen"]

    stack.forge("alpha", leave_out)
    assert named(stack.problems(), "not all limits are set that two officers signed")
