"""What a limit counts only moves forward, under any order of records and any step of the clock."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.limits import MAX_TIME_MS
from settlement.records import RECORD, AccountFlag, Kind, Limit, RecordFlag, Records, Result
from settlement.rule import _day_of, _year_of
from settlement.state import State
from tests.settlement.books import ALICE, BANK, opening, record, transfer
from tests.settlement.days import BEIJING_MS, DAY_MS, MIDNIGHT_MS

DAY, YEAR, FUNDS = 1_000, 2_600, 10**9

NEW_YEAR = (dt.date(2026, 1, 1) - dt.date(1970, 1, 1)).days
"""Day number of a 1 January."""


def state(day: int = DAY, year: int = YEAR) -> State:
    """Alice has more than she may spend."""
    made = State.empty()
    setup = [
        opening(BANK, flags=AccountFlag.MAY_GO_NEGATIVE),
        opening(ALICE, policy=1),
        record(Kind.SET_LIMIT, credit=1, ref=Limit.DAY, amount_fen=day),
        record(Kind.SET_LIMIT, credit=1, ref=Limit.YEAR, amount_fen=year),
        transfer(BANK, ALICE, FUNDS, 1),
    ]
    assert not made.apply(np.concatenate(setup))[0].any()
    return made


def day_of(time_ms: int) -> int:
    """The day in UTC+8."""
    return (time_ms + BEIJING_MS) // DAY_MS


def year_of(day: int) -> int:
    """The year of a day, as the standard library has it."""
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).year


def paid(made: State, *moves: tuple[int, int]) -> list[Result]:
    """The answers for payments of Alice's, each (time, fen)."""
    batch = np.concatenate(
        [
            transfer(ALICE, BANK, fen, number + 1, time_ms=time_ms)
            for number, (time_ms, fen) in enumerate(moves)
        ]
    )
    return [Result(int(result)) for result in made.apply(batch)[0]]


def test_two_clocks_around_midnight_do_not_begin_the_day_anew() -> None:
    answers = paid(state(year=0), *([(MIDNIGHT_MS - 1, DAY), (MIDNIGHT_MS, DAY)] * 4))
    assert answers == [Result.ACCEPTED] * 2 + [Result.OVER_DAY_LIMIT] * 6


def test_a_day_begins_at_midnight_in_utc_plus_8() -> None:
    assert paid(state(), (MIDNIGHT_MS - 1, DAY), (MIDNIGHT_MS, DAY)) == [Result.ACCEPTED] * 2
    again = [(MIDNIGHT_MS, DAY), (MIDNIGHT_MS + DAY_MS - 1, 1)]
    assert paid(state(), *again) == [Result.ACCEPTED, Result.OVER_DAY_LIMIT]


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize(("limit", "refused"), [("day", Result.OVER_DAY_LIMIT),
                                                ("year", Result.OVER_YEAR_LIMIT)])  # fmt: skip
def test_a_limit_can_be_spent_to_the_last_fen(limit: str, refused: Result, over: int) -> None:
    made = state(**{"day": 10**6, "year": 10**6, limit: 700})
    answers = paid(made, (MIDNIGHT_MS, 500), (MIDNIGHT_MS, 200 + over))
    assert answers == [Result.ACCEPTED, refused if over else Result.ACCEPTED]


def test_an_older_year_does_not_begin_the_year_anew() -> None:
    new = NEW_YEAR * DAY_MS - BEIJING_MS
    made = state(day=0, year=YEAR)
    answers = paid(made, (new, YEAR), (new - 1, 1), (new + DAY_MS, 1), (new + 365 * DAY_MS, YEAR))
    over = Result.OVER_YEAR_LIMIT
    assert answers == [Result.ACCEPTED, over, over, Result.ACCEPTED]


def hold(time_ms: int, fen: int, sequence: int) -> Records:
    """Alice's money is held."""
    return record(
        Kind.HOLD, origin=ALICE, debit=ALICE, amount_fen=fen, sequence=sequence, time_ms=time_ms
    )


def release(fen: int, ref: int, sequence: int) -> Records:
    """The bank gives it back."""
    return record(
        Kind.RELEASE, origin=BANK, debit=ALICE, amount_fen=fen, ref=int(ref), sequence=sequence
    )


def test_a_hold_of_yesterday_gives_nothing_of_today_back() -> None:
    made = state(year=0)
    _, details = made.apply(hold(MIDNIGHT_MS - 1, DAY, 1))
    made.apply(transfer(ALICE, BANK, DAY, 2, time_ms=MIDNIGHT_MS))
    made.apply(release(DAY, details[0], 7))
    late = transfer(ALICE, BANK, 1, 3, time_ms=MIDNIGHT_MS - 1)
    assert made.apply(late)[0][0] == Result.OVER_DAY_LIMIT
    assert made.apply(transfer(ALICE, BANK, 1, 4, time_ms=MIDNIGHT_MS))[0][0] != Result.ACCEPTED


def test_a_hold_judged_by_an_older_day_counts_against_the_day_it_was_counted_in() -> None:
    made = state(year=0)
    made.apply(transfer(ALICE, BANK, DAY - 10, 1, time_ms=MIDNIGHT_MS))
    results, details = made.apply(hold(MIDNIGHT_MS - 1, 10, 2))
    assert results[0] == Result.ACCEPTED
    assert made.apply(hold(MIDNIGHT_MS - 1, 1, 3))[0][0] == Result.OVER_DAY_LIMIT
    made.apply(release(10, details[0], 7))
    assert made.apply(hold(MIDNIGHT_MS, 11, 4))[0][0] == Result.OVER_DAY_LIMIT
    assert made.apply(hold(MIDNIGHT_MS, 10, 5))[0][0] == Result.ACCEPTED


def test_a_hold_of_last_year_gives_nothing_of_this_year_back() -> None:
    new = NEW_YEAR * DAY_MS - BEIJING_MS
    made = state(day=0, year=YEAR)
    _, details = made.apply(hold(new - 1, 500, 1))
    made.apply(transfer(ALICE, BANK, YEAR, 2, time_ms=new))
    made.apply(release(500, details[0], 7))
    assert made.apply(transfer(ALICE, BANK, 1, 3, time_ms=new))[0][0] == Result.OVER_YEAR_LIMIT


def test_a_hold_of_an_earlier_day_of_the_year_gives_the_year_back() -> None:
    made = state(day=0, year=YEAR)
    _, details = made.apply(hold(MIDNIGHT_MS - 1, 500, 1))
    made.apply(transfer(ALICE, BANK, YEAR - 500, 2, time_ms=MIDNIGHT_MS))
    made.apply(release(500, details[0], 7))
    assert made.apply(transfer(ALICE, BANK, 501, 3, time_ms=MIDNIGHT_MS))[0][0] != Result.ACCEPTED
    assert made.apply(transfer(ALICE, BANK, 500, 4, time_ms=MIDNIGHT_MS))[0][0] == Result.ACCEPTED


@pytest.mark.parametrize(
    ("time_ms", "expected"),
    [
        (-1, Result.MALFORMED),
        (0, Result.ACCEPTED),
        (MAX_TIME_MS, Result.ACCEPTED),
        (MAX_TIME_MS + 1, Result.MALFORMED),
        (2**63 - 1, Result.MALFORMED),
        (-(2**63), Result.MALFORMED),
    ],
)
def test_no_record_is_judged_by_a_time_that_no_calendar_has(time_ms: int, expected: Result) -> None:
    assert paid(state(), (time_ms, 1)) == [expected]


def test_the_years_are_those_of_the_calendar() -> None:
    first = np.datetime64("1970-01-01", "D")
    days = range(0, 430 * 366)  # over 2000 and 2400, which are leap years, and 2100 to 2300
    years = (first + np.arange(len(days))).astype("datetime64[Y]").astype(int) + 1970
    assert [_year_of(day) for day in days] == years.tolist()
    assert _year_of(_day_of(MAX_TIME_MS - BEIJING_MS)) == 9999


moments = st.one_of(
    st.sampled_from([MIDNIGHT_MS - 1, MIDNIGHT_MS, MIDNIGHT_MS + 1]),
    st.integers(MIDNIGHT_MS - 2 * DAY_MS, MIDNIGHT_MS + 2 * DAY_MS),
    st.integers((NEW_YEAR - 2) * DAY_MS, (NEW_YEAR + 2) * DAY_MS),
)
steps = st.lists(
    st.tuples(
        st.sampled_from([Kind.TRANSFER, Kind.TRANSFER, Kind.HOLD, Kind.RELEASE]),
        moments,
        st.integers(1, DAY),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_no_order_of_records_spends_more_than_the_limits_of_their_days(
    drawn: list[tuple[Kind, int, int]],
) -> None:
    """Judged from outside: what left or lies held, against the days that were ever named."""
    made = state()
    by_day: dict[int, int] = {}
    today = 0
    held: list[tuple[int, int, int]] = []
    for number, (kind, time_ms, fen) in enumerate(drawn):
        if kind == Kind.RELEASE:
            if held:
                ref, amount, day = held.pop(fen % len(held))
                assert made.apply(release(amount, ref, 1_000 + number))[0][0] == Result.ACCEPTED
                by_day[day] -= amount
            continue
        moved = transfer(ALICE, BANK, fen, number + 1, time_ms=time_ms)
        if kind == Kind.HOLD:
            moved = hold(time_ms, fen, number + 1)
        results, details = made.apply(moved)
        counted = max(today, day_of(time_ms))
        over_day = by_day.get(counted, 0) + fen > DAY
        in_year = sum(f for d, f in by_day.items() if year_of(d) == year_of(counted))
        refused = Result.OVER_DAY_LIMIT if over_day else Result.OVER_YEAR_LIMIT
        good = not over_day and in_year + fen <= YEAR
        assert results[0] == (Result.ACCEPTED if good else refused)
        if good:
            today = counted
            by_day[today] = by_day.get(today, 0) + fen
            if kind == Kind.HOLD:
                held.append((int(details[0]), fen, today))
    days = {day_of(time_ms) for _, time_ms, _ in drawn}
    gone = FUNDS - int(made.accounts[ALICE]["available_fen"])
    assert gone == sum(by_day.values())
    assert set(by_day) <= days
    assert gone <= DAY * len(days)
    assert gone <= YEAR * len({year_of(day) for day in days})


def test_what_is_exempt_is_not_counted_and_begins_no_day() -> None:
    made = state(year=0)
    exempt = np.zeros(1, RECORD)
    exempt[0] = transfer(
        ALICE, BANK, 5 * DAY, 1, time_ms=MIDNIGHT_MS + DAY_MS, flags=RecordFlag.NO_LIMIT
    )[0]
    assert not made.apply(exempt)[0].any()
    answers = paid(made, (0, 1), (MIDNIGHT_MS, DAY), (MIDNIGHT_MS - 1, 1))[1:]
    assert answers == [Result.ACCEPTED, Result.OVER_DAY_LIMIT]


def test_a_hold_that_was_exempt_gives_no_limit_back() -> None:
    made = state(day=0, year=YEAR)
    paid(made, (MIDNIGHT_MS, YEAR))
    exempt = hold(MIDNIGHT_MS, 500, 2)
    exempt["flags"] = RecordFlag.NO_LIMIT
    _, details = made.apply(exempt)
    made.apply(release(500, details[0], 7))
    assert made.apply(transfer(ALICE, BANK, 1, 3, time_ms=MIDNIGHT_MS))[0][0] != Result.ACCEPTED


def test_a_hold_of_the_first_day_there_is_gives_its_limit_back() -> None:
    made = state(year=0)
    _, details = made.apply(hold(0, DAY, 1))
    made.apply(release(DAY, details[0], 7))
    assert made.apply(transfer(ALICE, BANK, DAY, 2, time_ms=0))[0][0] == Result.ACCEPTED


def test_what_is_spent_while_no_limits_apply_counts_against_none_later() -> None:
    made = state(year=0)
    for policy, sequence in ((0, 1), (1, 2)):
        made.apply(record(Kind.SET_LIMIT_SET, credit=ALICE, ref=policy))
        paying = transfer(ALICE, BANK, DAY, sequence, time_ms=MIDNIGHT_MS)
        assert made.apply(paying)[0][0] == Result.ACCEPTED
