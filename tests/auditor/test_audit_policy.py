"""Limits that the central bank has not signed are named by the audit, and so is a bank without
them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from central_bank.authentication.tables import announcements
from currency.days import begin_ms, day_of
from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from runtime.envelope import key_id, sign
from settlement.records import Kind, Limit
from tests.auditor.forging import Beside, made
from tests.auditor.simulated import CAP_FEN, CENTRAL
from tests.auditor.told import ALICE, CAROL, STRANGER, Stack, named
from tests.feeds import CENTRAL_KEY
from tests.policies import policy_of

LOWER = {2: (CAP_FEN, 7_000, 9_000, 0)}
TEN_MINUTES_MS = 600_000


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """The central bank has published lower limits, which both banks follow."""
    stack = Stack(tmp_path)
    publish(stack, LOWER)
    hear(stack)
    assert stack.problems() == []
    return stack


def publish(stack: Stack, limits: dict[int, tuple[int, int, int, int]], ahead: int = 0) -> None:
    today = day_of(stack.system.clock.now_ms())
    stack.system.by_two(policy_of(limits, today + ahead))


def hear(stack: Stack, *banks: str) -> None:
    for bank in banks or ("alpha", "beta"):
        stack.system.built[bank].central_keys.step()


@pytest.mark.parametrize("digest", [0, 77])
def test_a_limit_that_nobody_signed_is_named(stack: Stack, digest: int) -> None:
    record = made(
        kind=Kind.SET_LIMIT, credit=2, ref=int(Limit.SINGLE), amount_fen=10**9, digest=digest
    )
    stack.forge("alpha", lambda told: told.append(Beside(record)))
    assert named(stack.problems(), "SET_LIMIT", "no policy of the central bank is behind it")


def of_policies(told: list[Beside]) -> list[Beside]:
    """The records that set limits, the first policy's and the lower ones."""
    return [one for one in told if one.record["kind"] == Kind.SET_LIMIT]


@pytest.mark.parametrize("by", [1, -1])
def test_another_limit_than_two_signed_is_named(stack: Stack, by: int) -> None:
    def change(told: list[Beside]) -> None:
        of_policies(told)[-1].record["amount_fen"] += by

    stack.forge("alpha", change)
    assert named(stack.problems(), "wallet class 2 has other limits than the policy")


def test_a_limit_that_was_left_out_is_named(stack: Stack) -> None:
    def leave_out(told: list[Beside]) -> None:
        last = of_policies(told)[-1]
        # In its place one that says again what holds anyway.
        last.record["ref"], last.record["amount_fen"] = int(Limit.BALANCE_CAP), CAP_FEN

    stack.forge("alpha", leave_out)
    assert named(stack.problems(), "wallet class 2 has other limits than the policy")


def test_limits_that_hold_a_day_later_than_two_signed_are_named(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    publish(stack, LOWER, 3)
    hear(stack)
    assert stack.problems() == []

    def later(told: list[Beside]) -> None:
        for one in of_policies(told):
            if one.record["ref"] == Limit.FROM_DAY:
                one.record["amount_fen"] += 1

    stack.forge("alpha", later)
    problems = stack.problems()
    assert all(named(problems, f"wallet class {of} has other limits") for of in (2,))


def test_an_older_policy_that_is_put_back_is_named(stack: Stack) -> None:
    def put_back(told: list[Beside]) -> None:
        first, *_, last = of_policies(told)
        again = made(kind=Kind.SET_LIMIT, credit=2, ref=int(Limit.SINGLE))
        again["digest"] = first.record["digest"]
        assert first.record["digest"] != last.record["digest"]
        told.append(Beside(again))

    stack.forge("alpha", put_back)
    assert named(stack.problems(), "older than the one that was followed before")


def test_a_bank_that_goes_on_without_a_policy_is_named_once(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    publish(stack, LOWER, 2)
    hear(stack, "beta")
    stack.pay(ALICE, CAROL, 10)
    assert stack.problems() == [], "it has not begun"
    to_begin_ms = begin_ms(day_of(stack.system.clock.now_ms()) + 2) - stack.system.clock.now_ms()
    stack.system.clock.advance(to_begin_ms - 1)
    stack.pay(ALICE, CAROL, 10)
    assert stack.problems() == []
    stack.system.clock.advance(1)
    stack.pay(ALICE, CAROL, 10)
    stack.pay(ALICE, CAROL, 10)
    problems = [one for one in stack.problems() if "was not followed" in one]
    assert len(problems) == 1
    assert problems[0].startswith("alpha: ")


def test_a_policy_from_today_may_take_some_minutes_to_be_heard(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    publish(stack, LOWER)
    stack.system.clock.advance(TEN_MINUTES_MS - 1)
    stack.pay(ALICE, CAROL, 10)
    assert stack.problems() == []
    stack.system.clock.advance(1)
    stack.pay(ALICE, CAROL, 10)
    assert named(stack.problems(), "alpha: ", "was not followed")


def test_a_wallet_that_was_opened_before_there_were_limits_is_named(tmp_path: Path) -> None:
    stack = Stack(tmp_path)

    def leave_out(told: list[Beside]) -> None:
        for one in of_policies(told):
            told.remove(one)

    stack.forge("alpha", leave_out)
    assert named(stack.problems(), "before the bank followed a policy")


def test_what_the_central_bank_announces_is_what_two_of_its_officers_signed(stack: Stack) -> None:
    engine = stack.system.engines[CENTRAL]
    with engine.connect() as connection:
        row = connection.execute(select(announcements).order_by(announcements.c.act.desc())).first()
    assert row is not None
    of_it = announcements.c.act == row.act
    said = authentication_pb2.Announcement.FromString(
        SignedEnvelope.FromString(bytes(row.envelope)).payload
    )
    for key, more_fen, why in (
        (CENTRAL_KEY, 1, "it has other limits than two officers signed"),
        (STRANGER, 0, "it is by no key that the central bank had then"),
    ):
        changed = authentication_pb2.Announcement()
        changed.CopyFrom(said)
        changed.policy.classes[1].single_fen += more_fen
        envelope = sign(changed, key, key_id(bytes(key.verify_key))).SerializeToString()
        with engine.begin() as connection:
            connection.execute(update(announcements).where(of_it).values(envelope=envelope))
        assert named(stack.problems(), "table announcements", why)
    with engine.begin() as connection:
        connection.execute(delete(announcements).where(of_it))
    assert named(stack.problems(), f"row act={row.act} is missing")
