"""Questions about the past, answered from the projection and the journal's tail behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Engine, Row, select

from settlement.core import Found
from settlement.journal import Journal
from settlement.postings import Index, Positions, id_key
from settlement.projection import Projection
from settlement.records import RECORD, Kind, Result
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
        row = self._projected(origin, sequence)
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
        return self._projected(origin, sequence)

    def at(self, positions: Sequence[int]) -> list[Row[Any]]:
        """The payments rows at these positions, in order of position."""
        table = self._payments
        query = select(table).where(table.c.position.in_(positions)).order_by(table.c.position)
        with self._engine.connect() as connection:
            return list(connection.execute(query))

    def statement(self, account: int, before_position: int | None, limit: int) -> list[Row[Any]]:
        """Up to `limit` rows of an account, newest first, all before a position."""
        self.follow()
        before = before_position if before_position is not None else 1 << 62
        pieces = self._projection.newest_first(Index.ACCOUNT, account, before)
        return self.at(_first(pieces, limit))[::-1]

    def arrivals(self, account: int, after_position: int, limit: int) -> list[Row[Any]]:
        """Up to `limit` rows that credited an account, oldest first, all after a position."""
        self.follow()
        found: list[Row[Any]] = []
        for positions in self._projection.oldest_first(Index.ACCOUNT, account, after_position):
            for start in range(0, len(positions), limit):
                rows = self.at(positions[start : start + limit].tolist())
                found += [row for row in rows if row.credit == account and _arrived(row)]
                if len(found) >= limit:
                    return found[:limit]
        return found

    def follow(self) -> None:
        """Projects whatever has been committed by now."""
        end = self._journal.tip().position
        while self._projection.position() < end:
            self._projection.catch_up()

    def follow_balances(self) -> None:
        """As `follow`, and brings `balances` there too."""
        self.follow()
        self._projection.write_balances()

    def _projected(self, origin: int, sequence: int) -> Row[Any] | None:
        pieces = self._projection.newest_first(Index.ID, id_key(origin, sequence), 1 << 62)
        for positions in pieces:
            for row in self.at(positions.tolist()):
                if (row.origin, row.sequence) == (origin, sequence):
                    return row
        return None


def _first(pieces: Iterator[Positions], limit: int) -> list[int]:
    found: list[int] = []
    for positions in pieces:
        found += positions[: limit - len(found)].tolist()
        if len(found) >= limit:
            break
    return found


def _arrived(row: Row[Any]) -> bool:
    return row.result == Result.ACCEPTED and row.kind in (Kind.TRANSFER, Kind.DELIVER)


def _found(row: Row[Any]) -> Found:
    record = np.zeros(1, RECORD)[0]
    for name in ("origin", "debit", "credit", "kind", "flags", "sequence", "amount_fen"):
        record[name] = getattr(row, name)
    for name in ("time_ms", "expires_ms", "ref"):
        record[name] = getattr(row, name)
    record["digest"] = int.from_bytes(bytes(row.digest), "little")
    return Found(record, row.result, row.detail, row.position)
