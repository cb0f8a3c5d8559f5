"""Reads tables as of one moment, and compares rows, by their positions, with the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from sqlalchemy import Engine

from language import _

R = TypeVar("R")


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
