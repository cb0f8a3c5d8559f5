"""Every cell of a database altered, one at a time; rows deleted, and put there as others are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Engine,
    LargeBinary,
    String,
    Table,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

DELETED, COPIED = "(a row deleted)", "(a row copied)"
"""Stand in the place of a column's name."""


class Alteration(NamedTuple):
    """One cell, or one row, that somebody has altered, and what undoes it."""

    table: str
    what: str
    where: str
    do: Any
    undo: Any


def rows_of(
    engine: Engine, table: Table, sort: Callable[[Mapping[str, Any]], object]
) -> list[dict[str, Any]]:
    """The last row of each sort in a table: what has happened once each, there is one of."""
    with engine.connect() as connection:
        rows = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
        found = [dict(row) for row in rows]
    return list({sort(row): row for row in found}.values())


def alterations(
    table: Table, rows: Sequence[Mapping[str, Any]], leave: Callable[[str], bool]
) -> Iterator[Alteration]:
    """What may be done to these rows.

    Args:
        leave: whether a column, or one of the two sorts of row, is not to be touched.
    """
    for row in rows:
        where = ", ".join(f"{key.name}={_short(row[key.name])}" for key in table.primary_key)
        for column in table.columns:
            others = rows if row is rows[0] else ()
            for value in () if leave(column.name) else _values(column, row, others):
                yield Alteration(
                    table.name,
                    column.name,
                    f"{where}: {_short(row[column.name])} -> {_short(value)}",
                    update(table).where(_is(table, row)).values({column.name: value}),
                    update(table)
                    .where(_is(table, {**row, column.name: value}))
                    .values({column.name: row[column.name]}),
                )
        if not leave(DELETED):
            gone = delete(table).where(_is(table, row))
            yield Alteration(table.name, DELETED, where, gone, insert(table).values(**row))
        if not leave(COPIED):
            copy = _copy(table, row)
            put = insert(table).values(**copy)
            yield Alteration(table.name, COPIED, where, put, delete(table).where(_is(table, copy)))


@contextlib.contextmanager
def done(engine: Engine, alteration: Alteration) -> Iterator[bool]:
    """With an alteration; whether the database takes it."""
    try:
        with engine.begin() as connection:
            connection.execute(alteration.do)
    except IntegrityError:
        yield False
        return
    try:
        yield True
    finally:
        with engine.begin() as connection:
            connection.execute(alteration.undo)


def _is(table: Table, row: Mapping[str, Any]) -> Any:
    return and_(*(key == row[key.name] for key in table.primary_key.columns))


def _values(
    column: Column[Any], row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> list[Any]:
    """Other values for a cell: one that another row has, and one that none has."""
    old = row[column.name]
    others = [other[column.name] for other in rows if other[column.name] != old]
    # A value of another row that makes its key another row's is no alteration of this one.
    return [*others[:1], _next(column, old)]


def _next(column: Column[Any], old: Any) -> Any:
    """A plausible value beside the one that is there."""
    if old is None:
        return 1 if not isinstance(column.type, (LargeBinary, String)) else b""
    if isinstance(old, str):
        last = old[-1:] or "a"
        return old[:-1] + ("b" if last != "b" else "c")
    if isinstance(old, bytes):
        middle = len(old) // 2
        return old[:middle] + bytes([old[middle] ^ 1]) + old[middle + 1 :] if old else b"\x01"
    if old in (0, 1):
        return 1 - old
    return old + 1


def _copy(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row once more, with the next key and what else has to differ."""
    unique = {column.name for column in table.columns if column.unique}
    for index in table.indexes:
        unique |= {column.name for column in index.columns} if index.unique else set()
    unique.add(list(table.primary_key.columns)[-1].name)
    copy = dict(row)
    for column in table.columns:
        if column.name in unique:
            old = row[column.name]
            copy[column.name] = old + 1_000 if isinstance(old, int) else _next(column, old)
    return copy


def _short(value: Any) -> str:
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= 20 else f"{text[:16]}…"
