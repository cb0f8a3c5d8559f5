"""Reads tables as of one moment, and compares rows, by their positions, with the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, TableClause, inspect, select

from language import _

R = TypeVar("R")


def rows_if_there(at: Engine | Connection, of: TableClause, *order: str) -> Sequence[Row[Any]]:
    """All rows of a table, none if the database is of before there was one.

    Args:
        at: the database, or a transaction in it.
        of: the table.
        order: of which columns.
    """
    if not inspect(at).has_table(of.name):
        return ()
    query = select(of).order_by(*(of.c[name] for name in order))
    if isinstance(at, Connection):
        return at.execute(query).all()
    with at.connect() as connection:
        return connection.execute(query).all()


def unlike(
    table: str,
    made: Mapping[int, R],
    rows: Mapping[int, R],
    until_position: int,
    said: Callable[[R | None], str],
) -> Iterator[str]:
    """Yields a sentence for each row, up to a position of the journal, that is wrong or missing.

    Args:
        table: its name.
        made: what the journal says, by position.
        rows: what the table has.
        until_position: what comes later is not looked at.
        said: such a row in words, or that there is none.
    """
    for position in sorted({*made, *rows}):
        if position <= until_position and made.get(position) != rows.get(position):
            yield _(
                "table {table}, row position={position}: the journal says {true}, the row {said}"
            ).format(
                table=table,
                position=position,
                true=said(made.get(position)),
                said=said(rows.get(position)),
            )


def as_of_one_moment(engine: Engine) -> Engine:
    """An engine whose transactions read everything as it was when they began."""
    if engine.dialect.name != "postgresql":
        return engine  # SQLite's do
    return engine.execution_options(isolation_level="SERIALIZABLE")
