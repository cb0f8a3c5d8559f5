"""What a bank has kept of the central bank's word about its feed: the table of signed tips."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine, column, select, table

_tips = table("feed_tips", column("number"), column("envelope"))
_ROWS = 1_000


def kept_tips(engine: Engine) -> Iterator[tuple[int, bytes]]:
    """(number, signed envelope) of each in order, some of them in memory at a time."""
    after, of = 0, _tips.c
    while True:
        query = select(_tips).where(of.number > after).order_by(of.number).limit(_ROWS)
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            yield row.number, bytes(row.envelope)
        if len(rows) < _ROWS:
            return
        after = rows[-1].number
