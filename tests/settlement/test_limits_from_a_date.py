"""Limits that change on a date: each record is judged by its own day, whenever it comes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.limits import MAX_LIMIT_SETS
from settlement.records import AccountFlag, Kind, Limit, Records, Result
from settlement.rule import can_take, set_of
from settlement.state import State
from tests.settlement.books import ALICE, BANK, BOB, opening, record, transfer
from tests.settlement.days import BEIJING_MS, DAY_MS, MIDNIGHT_MS

OWN, OLD, OLDEST = 1, 7, 9
"""Limit sets: what accounts have, and what held before."""

THE_DAY = (MIDNIGHT_MS + BEIJING_MS) // DAY_MS
FUNDS = 10**9
Cells = dict[Limit, int]


def setting(limit_set: int, cells: Cells) -> list[Records]:
    """Records that set cells of a limit set."""
    return [
        record(Kind.SET_LIMIT, credit=limit_set, ref=column, amount_fen=value)
        for column, value in cells.items()
    ]


def books(*sets: tuple[int, Cells]) -> State:
    """Alice has more than she may spend, Bob nothing; both have OWN."""
    made = State.empty()
    setup = [
        opening(BANK, flags=AccountFlag.MAY_GO_NEGATIVE),
        opening(ALICE, policy=OWN),
        opening(BOB, policy=OWN),
        transfer(BANK, ALICE, FUNDS, 1),
        *(one for limit_set, cells in sets for one in setting(limit_set, cells)),
    ]
    assert not made.apply(np.concatenate(setup))[0].any()
    return made


def changing(limit: Limit, before: int, since: int) -> State:
    """One limit changes at MIDNIGHT_MS."""
    own = {limit: since, Limit.FROM_DAY: THE_DAY, Limit.BEFORE: OLD}
    return books((OLD, {limit: before}), (OWN, own))


def pays(made: State, *moves: tuple[int, int]) -> list[Result]:
    """The answers for payments of Alice's in one batch, each (time, fen)."""
    first = int(made.accounts[ALICE]["last_sequence"]) + 1
    batch = [
        transfer(ALICE, BANK, fen, first + index, time_ms=time_ms)
        for index, (time_ms, fen) in enumerate(moves)
    ]
    return [Result(int(one)) for one in made.apply(np.concatenate(batch))[0]]


@pytest.mark.parametrize(("before", "since"), [(500, 300), (300, 500)])
def test_each_record_of_a_batch_is_judged_by_its_own_time(before: int, since: int) -> None:
    made = changing(Limit.SINGLE, before, since)
    over, good = Result.OVER_SINGLE_LIMIT, Result.ACCEPTED
    answers = pays(
        made,
        (MIDNIGHT_MS - 1, before),
        (MIDNIGHT_MS - 1, before + 1),
        (MIDNIGHT_MS, since),
        (MIDNIGHT_MS, since + 1),
    )
    assert answers == [good, over, good, over]


def test_a_clock_that_is_set_back_brings_no_older_limits_to_who_has_spent_since() -> None:
    made = changing(Limit.DAY, 500, 300)
    answers = pays(made, (MIDNIGHT_MS, 300), (MIDNIGHT_MS - 1, 1), (MIDNIGHT_MS - DAY_MS, 1))
    over = Result.OVER_DAY_LIMIT
    assert answers == [Result.ACCEPTED, over, over]
    assert made.accounts[ALICE]["day_spent_fen"] == 300


def test_a_year_that_was_spent_beyond_what_it_has_now_is_over() -> None:
    made = changing(Limit.YEAR, 1_000, 400)
    over = Result.OVER_YEAR_LIMIT
    assert pays(made, (MIDNIGHT_MS - 1, 900), (MIDNIGHT_MS, 1)) == [Result.ACCEPTED, over]
    assert made.accounts[ALICE]["available_fen"] == FUNDS - 900


def test_a_cap_that_is_lowered_takes_nothing_and_lets_nothing_in() -> None:
    made = changing(Limit.BALANCE_CAP, 1_000, 400)
    before = transfer(BANK, BOB, 900, 5, time_ms=MIDNIGHT_MS - 1)
    since = transfer(BANK, BOB, 1, 6, time_ms=MIDNIGHT_MS)
    spent = transfer(BOB, BANK, 600, 1, time_ms=MIDNIGHT_MS)
    again = transfer(BANK, BOB, 100, 7, time_ms=MIDNIGHT_MS)
    results = made.apply(np.concatenate([before, since, spent, again]))[0]
    good, full = Result.ACCEPTED, Result.OVER_BALANCE_CAP
    assert [Result(int(one)) for one in results] == [good, full, good, good]
    assert made.accounts[BOB]["available_fen"] == 400


@pytest.mark.parametrize("at", [MIDNIGHT_MS - 1, MIDNIGHT_MS])
def test_a_hold_counts_on_its_own_day_and_its_capture_is_judged_by_the_payees_cap_then(
    at: int,
) -> None:
    own = {Limit.BALANCE_CAP: 100, Limit.DAY: 10, Limit.FROM_DAY: THE_DAY, Limit.BEFORE: OLD}
    made = books((OLD, {Limit.DAY: 500}), (OWN, own))
    held = record(
        Kind.HOLD, origin=ALICE, debit=ALICE, amount_fen=500, sequence=1, time_ms=MIDNIGHT_MS - 1
    )
    results, details = made.apply(held)
    assert results[0] == Result.ACCEPTED, "by the day before"
    taken = record(
        Kind.CAPTURE, origin=BANK, debit=ALICE, credit=BOB, amount_fen=101, ref=int(details[0]),
        sequence=9, time_ms=at,
    )  # fmt: skip
    expected = Result.OVER_BALANCE_CAP if at == MIDNIGHT_MS else Result.ACCEPTED
    assert made.apply(taken)[0][0] == expected
    back = record(
        Kind.RELEASE, origin=BANK, debit=ALICE, amount_fen=399, ref=int(details[0]), sequence=10,
        time_ms=MIDNIGHT_MS,
    )  # fmt: skip
    assert made.apply(back)[0][0] == Result.ACCEPTED
    assert pays(made, (MIDNIGHT_MS, 11), (MIDNIGHT_MS, 10)) == [
        Result.OVER_DAY_LIMIT,
        Result.ACCEPTED,
    ]


def test_any_number_of_changes_stand_one_before_the_other() -> None:
    made = books(
        (OLDEST, {Limit.SINGLE: 100}),
        (OLD, {Limit.SINGLE: 200, Limit.FROM_DAY: THE_DAY - 1, Limit.BEFORE: OLDEST}),
        (OWN, {Limit.SINGLE: 300, Limit.FROM_DAY: THE_DAY, Limit.BEFORE: OLD}),
    )
    times = (MIDNIGHT_MS - DAY_MS - 1, MIDNIGHT_MS - 1, MIDNIGHT_MS)
    for time_ms, limit_set, most in zip(times, (OLDEST, OLD, OWN), (100, 200, 300), strict=True):
        assert set_of(made.accounts, made.policies, ALICE, time_ms) == limit_set
        assert pays(made, (time_ms, most + 1), (time_ms, most)) == [
            Result.OVER_SINGLE_LIMIT,
            Result.ACCEPTED,
        ]
    assert set_of(made.accounts, made.policies, ALICE, 0) == OWN, "her own day is the last"
    assert set_of(made.accounts, made.policies, BOB, 0) == OLDEST


@pytest.mark.parametrize("before", [1, OLD, OLD - 1, MAX_LIMIT_SETS, 2**62])
def test_no_set_stands_before_itself_in_a_ring_or_is_none(before: int) -> None:
    made = books()
    wrong = record(Kind.SET_LIMIT, credit=OLD, ref=Limit.BEFORE, amount_fen=before)
    assert made.apply(wrong)[0][0] == Result.MALFORMED
    assert not made.policies.any()


def test_what_an_account_could_take_is_asked_for_a_time() -> None:
    made = changing(Limit.BALANCE_CAP, 1_000, 400)
    ask = [can_take(made.accounts, made.policies, BOB, 500, MIDNIGHT_MS + at) for at in (-1, 0)]
    assert ask == [Result.ACCEPTED, Result.OVER_BALANCE_CAP]


def policy_of(day: int) -> int:
    """Which of the drawn limits a day has: they change on THE_DAY and on the day after."""
    return min(max(day - THE_DAY + 1, 0), 2)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(1, 900), min_size=3, max_size=3),
    st.lists(
        st.tuples(st.integers(-2 * DAY_MS, 3 * DAY_MS), st.integers(1, 500)),
        min_size=1,
        max_size=40,
    ),
)
def test_no_order_and_no_clock_spends_more_on_a_day_than_that_days_limit(
    limits: list[int], moves: list[tuple[int, int]]
) -> None:
    made = books(
        (OLDEST, {Limit.DAY: limits[0]}),
        (OLD, {Limit.DAY: limits[1], Limit.FROM_DAY: THE_DAY, Limit.BEFORE: OLDEST}),
        (OWN, {Limit.DAY: limits[2], Limit.FROM_DAY: THE_DAY + 1, Limit.BEFORE: OLD}),
    )
    spent: dict[int, int] = {}
    today = 0
    for after_ms, fen in moves:
        day = max(today, (MIDNIGHT_MS + after_ms + BEIJING_MS) // DAY_MS)
        most = limits[policy_of(day)]
        good = spent.get(day, 0) + fen <= most
        [answer] = pays(made, (MIDNIGHT_MS + after_ms, fen))
        assert answer == (Result.ACCEPTED if good else Result.OVER_DAY_LIMIT)
        if good:
            today = day
            spent[day] = spent.get(day, 0) + fen
    assert all(fen <= limits[policy_of(day)] for day, fen in spent.items())
