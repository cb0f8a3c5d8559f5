"""The currency's days and years: those of UTC+8, whatever the clock on the wall says.

Limits are counted by them (`settlement.rule` has its own, compiled, and a test compares the two).
"""

from __future__ import annotations

import datetime as dt

DAY_MS = 86_400_000
_EAST_MS = 8 * 3_600_000
_FIRST = dt.date(1970, 1, 1)


def day_of(time_ms: int) -> int:
    """The day that a time lies in, counted from 1970-01-01.

    Args:
        time_ms: Unix milliseconds.
    """
    return (time_ms + _EAST_MS) // DAY_MS


def begin_ms(day: int) -> int:
    """When a day begins, in Unix milliseconds."""
    return day * DAY_MS - _EAST_MS


def year_end_ms(day: int) -> int:
    """When the year of a day ends, in Unix milliseconds."""
    return begin_ms(day_of_date(dt.date(date_of(day).year + 1, 1, 1)))


def month_of(time_ms: int) -> int:
    """The month that a time lies in, such as 202601."""
    date = date_of(day_of(time_ms))
    return 100 * date.year + date.month


def date_of(day: int) -> dt.date:
    """The date of a day."""
    return _FIRST + dt.timedelta(days=day)


def day_of_date(date: dt.date) -> int:
    """The day of a date; the inverse of `date_of`."""
    return (date - _FIRST).days
