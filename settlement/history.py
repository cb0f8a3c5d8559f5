"""Questions about the past, answered from the projection and the journal's tail behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Engine, Row, select, union_all

from settlement.core import Found
from settlement.journal import Journal
from settlement.projection import Projection
from settlement.records import RECORD, Kind
from settlement.tables import JournalTables


class History:
    """Finds payments. Always brings the projection up to date first where that matters."""

    def __init__(
        self, engine: Engine, tables: JournalTables, journal: Journal, projection: Projection
    ) -> None:
        self._engine = engine
        self._payments = tables.payments
        self._journal = journal
        self._projection = projection

    def find(self, origin: int, sequence: int) -> Found | None:
        """The journaled record with this identity, or None; sees every committed record."""
        after = self._projection.position()
        table = self._payments
        query = select(table).where(table.c.origin == origin, table.c.sequence == sequence)
        with self._engine.connect() as connection:
            row = connection.execute(query.limit(1)).first()
        if row is not None:
            return _found(row)
        return self._find_in_tail(origin, sequence, after)

    def _find_in_tail(self, origin: int, sequence: int, after: int) -> Found | None:
        while True:
            entries = self._journal.read(after)
            if not entries:
                return None
            for entry in entries:
                same = (entry.records["origin"] == origin) & (entry.records["sequence"] == sequence)
                if same.any():
                    index = int(np.argmax(same))
                    return Found(
                        entry.records[index],
                        int(entry.results[index]),
                        int(entry.details[index]),
                        entry.first_position + index,
                    )
            after = entries[-1].last_position

    def row(self, origin: int, sequence: int) -> Row[Any] | None:
        """The payments row with this identity, or None."""
        self.follow()
        table = self._payments
        query = select(table).where(table.c.origin == origin, table.c.sequence == sequence)
        with self._engine.connect() as connection:
            return connection.execute(query.limit(1)).first()

    def at(self, positions: Sequence[int]) -> list[Row[Any]]:
        """The payments rows at these positions, in order of position."""
        self.follow()
        table = self._payments
        query = select(table).where(table.c.position.in_(positions)).order_by(table.c.position)
        with self._engine.connect() as connection:
            return list(connection.execute(query))

    def statement(self, account: int, before_position: int | None, limit: int) -> list[Row[Any]]:
        """Up to `limit` rows of an account, newest first, all before a position."""
        self.follow()
        table = self._payments
        bound = before_position if before_position is not None else 1 << 62
        sides = [
            select(table)
            .where(side == account, table.c.position < bound, table.c.kind >= Kind.TRANSFER)
            .order_by(table.c.position.desc())
            .limit(limit)
            .subquery()
            for side in (table.c.debit, table.c.credit)
        ]
        both = union_all(*[select(side) for side in sides]).subquery()
        query = select(both).order_by(both.c.position.desc()).limit(2 * limit)
        with self._engine.connect() as connection:
            rows = {row.position: row for row in connection.execute(query)}
        return list(rows.values())[:limit]

    def follow(self) -> None:
        """Projects whatever has been committed by now."""
        while self._projection.catch_up():
            pass


def _found(row: Row[Any]) -> Found:
    record = np.zeros(1, RECORD)[0]
    for name in ("origin", "debit", "credit", "kind", "flags", "sequence", "amount_fen"):
        record[name] = getattr(row, name)
    for name in ("time_ms", "expires_ms", "ref"):
        record[name] = getattr(row, name)
    record["digest"] = int.from_bytes(bytes(row.digest), "little")
    return Found(record, row.result, row.detail, row.position)
