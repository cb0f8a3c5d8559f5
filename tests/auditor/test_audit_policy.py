"""Limits that the central bank has not signed are named by the audit, and so is a bank without
them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from central_bank.authentication.tables import announcements
from currency.days import DAY_MS, begin_ms, date_of, day_of
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.ledger.tables import ledger as bank_tables
from runtime.envelope import key_id, sign
from settlement.records import Kind, Limit
from tests.auditor.forging import Beside, journal, made
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


@pytest.mark.parametrize("ahead", [0, 3])
def test_a_policy_that_changes_nothing_is_followed_without_a_word(
    tmp_path: Path, ahead: int
) -> None:
    """Nothing is written down then; a bank that did what it had to is not named."""
    stack = Stack(tmp_path)
    for _again in range(2):
        publish(stack, LOWER, ahead)
        hear(stack)
    stack.system.clock.advance(ahead * DAY_MS + TEN_MINUTES_MS)
    stack.pay(ALICE, CAROL, 10)
    assert stack.problems() == []


@pytest.mark.parametrize("minutes", [0, 9])
def test_a_mistake_that_was_put_right_before_a_bank_heard_of_it_is_nobodys(
    stack: Stack, minutes: int
) -> None:
    publish(stack, {2: (CAP_FEN, 1, 1, 0)})
    stack.system.clock.advance(minutes * 60_000)
    publish(stack, LOWER)
    hear(stack)
    for _minute in range(12):
        stack.system.clock.advance(60_000)
        stack.pay(ALICE, CAROL, 10)
    assert stack.problems() == []


def test_a_mistake_that_was_put_right_later_was_to_be_followed_until_then(stack: Stack) -> None:
    publish(stack, {2: (CAP_FEN, 1, 1, 0)})
    stack.system.clock.advance(2 * TEN_MINUTES_MS)
    stack.pay(ALICE, CAROL, 10)
    stack.system.clock.advance(TEN_MINUTES_MS + 1)
    publish(stack, LOWER)
    hear(stack)
    assert named(stack.problems(), "alpha: ", "was not followed yet")


def limit(stack: Stack, column: Limit, value: int, row: int = 2) -> Beside:
    """A record that sets a limit, as if it were of the newest policy."""
    told = journal(stack.system.engines["alpha"], bank_tables)
    digest = int(of_policies(told)[-1].record["digest"])
    kind = Kind.SET_LIMIT
    return Beside(made(kind=kind, credit=row, ref=int(column), amount_fen=value, digest=digest))


def over(stack: Stack, time_ms: int = 0) -> Beside:
    """A payment of alice's that is over her limits, well signed, at a time; by default now."""
    key, carol = stack.system.built[ALICE].home.key(), stack.number(CAROL)
    order = stack.order(
        *(orders_pb2.PaymentOrder, ALICE, key),
        sequence=50,
        payee_number=carol,
        amount_fen=50_000,
    )
    record = stack.payment(ALICE, stack.account(CAROL), 50_000, 50, order[0])
    record["time_ms"] = time_ms or record["time_ms"]
    return Beside(record, *order)


def test_limits_that_are_put_right_again_in_the_same_row_are_named(stack: Stack) -> None:
    records = [limit(stack, Limit.SINGLE, 0), limit(stack, Limit.DAY, 0), over(stack)]
    records += [limit(stack, Limit.SINGLE, 7_000), limit(stack, Limit.DAY, 9_000)]
    stack.forge("alpha", lambda told: told.extend(records))
    problems = stack.problems()
    assert named(problems, "wallet class 2 has other limits than the policy")
    assert len(problems) == 1, "the payment itself is over no limit that the ledger had"


def test_other_limits_on_days_between_those_of_the_policies_are_named(stack: Stack) -> None:
    today = day_of(stack.system.clock.now_ms())
    stack.system.clock.advance(2 * DAY_MS)
    lower = ((Limit.BALANCE_CAP, CAP_FEN), (Limit.SINGLE, 7_000), (Limit.DAY, 9_000))
    chain = [limit(stack, column, fen, 700) for column, fen in lower]
    for row, before, from_day in ((600, 700, today + 1), (2, 600, today + 9)):
        chain.append(limit(stack, Limit.FROM_DAY, from_day, row))
        chain.append(limit(stack, Limit.BEFORE, before, row))
    stack.forge("alpha", lambda told: told.extend([*chain, over(stack)]))
    assert named(stack.problems(), date_of(today + 1).isoformat(), "wallet class 2 has other")


@pytest.mark.parametrize("days", [0, 6])
def test_a_record_that_is_older_than_its_order_is_named(tmp_path: Path, days: int) -> None:
    """As when a bank goes on judging by a policy whose days are over."""
    stack = Stack(tmp_path)
    publish(stack, LOWER, 3)
    hear(stack)
    then_ms = stack.system.clock.now_ms()
    stack.system.clock.advance(days * DAY_MS + TEN_MINUTES_MS + 1)
    stack.forge("alpha", lambda told: told.append(over(stack, then_ms)))
    assert named(stack.problems(), "of 50000 fen", "the record is older than its order")


@pytest.mark.parametrize("back_ms", [3 * 60_000, 3_600_000, 3_600_001, 2 * DAY_MS])
def test_a_clock_that_is_set_back_a_little_is_nothing(stack: Stack, back_ms: int) -> None:
    """By more it is named if other limits were in force by then: the order may be dated back as
    well, by a bank and a holder who are of one mind.
    """
    now_ms = stack.system.clock.now_ms()
    turns_ms = begin_ms(day_of(now_ms) + 3)
    publish(stack, {2: (CAP_FEN, 5_000, 9_000, 0)}, 3)
    hear(stack)
    stack.system.clock.advance(turns_ms + 3_600_000 - now_ms)
    stack.pay(ALICE, CAROL, 10)
    stack.system.clock.set_back(back_ms)
    stack.pay(CAROL, ALICE, 10)
    stack.pay(CAROL, ALICE, 10)
    problems = stack.problems()
    assert len(problems) == (back_ms > 3_600_000)
    assert named(problems, "was judged by the limits of") == (back_ms > 3_600_000)


def test_a_clock_that_was_days_ahead_is_nothing_if_no_limits_differ(stack: Stack) -> None:
    stack.system.clock.advance(3 * DAY_MS)
    stack.pay(ALICE, CAROL, 10)
    stack.system.clock.set_back(2 * DAY_MS)
    stack.pay(CAROL, ALICE, 10)
    assert stack.problems() == []


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
