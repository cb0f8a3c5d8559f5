"""Bounds how often something is done within a day, by the rows that it leaves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select

from currency.days import DAY_MS
from runtime.database import Database
from runtime.shares import overloaded


def check_per_day(
    database: Database,
    time_ms: ColumnElement[int],
    *these: ColumnElement[Any],
    most: int,
    what: str,
    now_ms: int,
) -> None:
    """Checks that something may be done once more.

    Args:
        database: where each time left a row.
        time_ms: the column that says when.
        these: conditions on the rows that count.
        most: so many times within 24 hours.
        what: it is, in the plural, for the refusal.
        now_ms: the time.

    Raises:
        Refusal: OVERLOADED, until the first of them is a day ago.
    """
    since_ms = now_ms - DAY_MS
    query = select(func.count(), func.min(time_ms)).where(*these, time_ms > since_ms)
    count, first_ms = database.read(lambda c: c.execute(query).one())
    if count >= most:
        raise overloaded(f"{most} {what} a day is all", first_ms - since_ms)
