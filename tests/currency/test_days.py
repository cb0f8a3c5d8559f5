"""Days and years are those of UTC+8, and the same as the rule counts."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from currency.days import DAY_MS, begin_ms, date_of, day_of, day_of_date, year_end_ms
from settlement.limits import MAX_TIME_MS
from settlement.rule import _day_of, _year_of

CHINA = dt.timezone(dt.timedelta(hours=8))
times = st.integers(0, MAX_TIME_MS - 366 * DAY_MS)


@settings(deadline=None)
@given(times)
def test_a_day_is_that_of_the_rule_and_of_the_calendar(time_ms: int) -> None:
    day = day_of(time_ms)
    assert day == _day_of(time_ms)
    assert begin_ms(day) <= time_ms < begin_ms(day + 1)
    moment = dt.datetime.fromtimestamp(time_ms // 1_000, CHINA)
    assert date_of(day) == moment.date()
    assert day_of_date(moment.date()) == day


@settings(deadline=None)
@given(times)
def test_a_year_ends_where_the_rule_begins_the_next(time_ms: int) -> None:
    day = day_of(time_ms)
    ends = year_end_ms(day)
    assert time_ms < ends
    assert _year_of(_day_of(ends)) == _year_of(day) + 1 == _year_of(_day_of(ends - 1)) + 1
