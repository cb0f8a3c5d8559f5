"""Answers questions about past payments, from the projection and the journal beyond it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from sqlalchemy import Connection

from settlement.core import Found, Identity
from settlement.errors import Overloaded
from settlement.journal import Entry, Journal
from settlement.limits import MAX_UNPROJECTED_RECORDS
from settlement.payment_rows import NAMES, PaymentRow, payment_row
from settlement.postings import Index, Positions, id_key, postings_of
from settlement.projection import NOT_READY, Projection
from settlement.records import RECORD, STATED, Kind, RecordFlag, Result, is_of
from settlement.rule import MAX_CHAIN
from settlement.tables import JournalTables

_ROWS = 500
_END = 1 << 62


class History:
    """Finds every committed payment, whether or not it has been projected yet.

    Looking something up may raise Overloaded while it `is_behind`.
    """

    def __init__(
        self,
        tables: JournalTables,
        journal: Journal,
        projection: Projection,
        *,
        max_unprojected: int | None = MAX_UNPROJECTED_RECORDS,
        overloaded: Callable[[str], Exception] = Overloaded,
    ) -> None:
        self._rows_where = f"SELECT {', '.join(NAMES)} FROM {tables.payments.name} WHERE position"
        self._journal = journal
        self._projection = projection
        self._most = max_unprojected
        self._overloaded = overloaded

    def find(self, origin: int, sequence: int) -> Found | None:
        """The journaled record with this identity, or None."""
        return self.find_many([(origin, sequence)]).get((origin, sequence))

    def is_behind(self) -> bool:
        """Whether a question may be refused: more records wait to be projected than it may read
        through, or what was projected may be gone.
        """
        return self._projection.is_unsure() or self._is_far_behind()

    def _is_far_behind(self) -> bool:
        if self._most is None:
            return False
        return self._journal.newest() - self._projection.position() > self._most

    def find_many(self, identities: Sequence[Identity]) -> dict[Identity, Found]:
        """The records with these identities, as far as they have been journaled.

        Raises:
            Overloaded: it `is_behind`. This happens after PostgreSQL itself crashed, which empties
                the projection; ask again when it has been made again.
        """
        return {
            identity: _found(row, self._linked_to(row))
            for identity, row in self.rows(set(identities)).items()
        }

    def row(self, origin: int, sequence: int) -> PaymentRow | None:
        """The payment with this identity, or None."""
        return self.rows({(origin, sequence)}).get((origin, sequence))

    def rows(self, wanted: set[Identity]) -> dict[Identity, PaymentRow]:
        """The payments with these identities, as far as there are any."""
        if not wanted:
            return {}
        # First in the journal's tail, then in what is not sealed, last in the sealed runs.
        made = self._projection.made
        after = self._projection.position()
        keys = np.array([id_key(*identity) for identity in wanted], np.int64)
        found: dict[Identity, PaymentRow] = {}

        def take(row: PaymentRow) -> None:
            identity = row.origin, row.sequence
            # A later member of a chain that failed has no identity, whatever it carries.
            if identity not in wanted or row.result == Result.LINKED_FAILED:
                return
            # The last one counts: one before it was refused without using up its sequence.
            if identity not in found or found[identity].position < row.position:
                found[identity] = row

        for entry in self._beyond(after):
            ids = postings_of(entry.records, entry.results, entry.first_position)[Index.ID]
            for position in ids.of_any(keys).positions.tolist():
                take(payment_row(entry, position - entry.first_position))
        with self._projection.reading(made) as connection:
            for row in self._at(
                connection, self._projection.index.in_tail(Index.ID, keys).tolist()
            ):
                take(row)
            for identity in wanted - set(found):
                pieces = self._projection.index.in_runs(
                    connection, Index.ID, id_key(*identity), _END
                )
                for positions in pieces:
                    for row in self._at(connection, positions.tolist()):
                        take(row)
        return found

    def _at(self, connection: Connection, positions: Sequence[int]) -> list[PaymentRow]:
        """The projected payments at these positions, in order of position."""
        rows: list[PaymentRow] = []
        for start in range(0, len(positions), _ROWS):
            chosen = positions[start : start + _ROWS]
            question, values = _one_of(connection, chosen)
            found = connection.exec_driver_sql(f"{self._rows_where} {question}", values)
            rows += map(PaymentRow._make, found)
        return sorted(rows)

    def statement(self, account: int, before_position: int | None, limit: int) -> list[PaymentRow]:
        """Up to `limit` payments of an account before a position, newest first.

        What was refused is among them when the account itself asked for it.

        Args:
            account: its number.
            before_position: where to begin, exclusive; None: at the newest.
            limit: how many at most.
        """
        before = before_position if before_position is not None else _END
        made = self._projection.made
        after = self._projection.position()
        newest = [
            payment_row(entry, index)
            for entry in self._beyond(after)
            for index in _touching(entry, account)
            if entry.first_position + index < before
        ]
        found = newest[::-1][:limit]
        before = min(before, after + 1)
        with self._projection.reading(made) as connection:
            pieces = self._projection.index.newest_first(connection, Index.ACCOUNT, account, before)
            return found + self._at(connection, _first(pieces, limit - len(found)))[::-1]

    def arrivals(self, account: int, after_position: int, limit: int) -> list[PaymentRow]:
        """Up to `limit` transfers and deliveries to an account after a position, oldest first.

        Captures and what came back undeliverable are not among them.
        """
        made = self._projection.made
        projected = self._projection.position()
        found: list[PaymentRow] = []
        with self._projection.reading(made) as connection:
            for positions in self._projection.index.oldest_first(
                connection, Index.ACCOUNT, account, after_position
            ):
                for start in range(0, len(positions), _ROWS):
                    chosen = positions[start : start + _ROWS]
                    rows = self._at(connection, chosen[chosen <= projected].tolist())
                    found += [row for row in rows if _arrived(row, account)]
                    if len(found) >= limit:
                        return found[:limit]
        for entry in self._beyond(max(projected, after_position)):
            rows = [payment_row(entry, index) for index in _touching(entry, account)]
            found += [
                row for row in rows if row.position > after_position and _arrived(row, account)
            ]
        return found[:limit]

    def follow(self) -> None:
        """Projects everything that has been committed by now."""
        end = self._journal.tip().position
        while self._projection.position() < end:
            self._projection.catch_up()

    def follow_balances(self) -> None:
        """As `follow`, and writes `balances` as well."""
        self.follow()
        self._projection.write_balances()

    @contextmanager
    def followed(self, *, balances: bool = False) -> Iterator[Connection]:
        """A connection to read `payments` with, up to what has been committed by now.

        Args:
            balances: whether `balances` are to be read as well.

        Raises:
            Overloaded: the rows are gone; ask again when they have been made again.
        """
        (self.follow_balances if balances else self.follow)()
        made = self._projection.made
        with self._projection.reading(made) as connection:
            yield connection

    def _linked_to(self, row: PaymentRow) -> list[PaymentRow]:
        """The other payments of a chain after this one, in order.

        A chain is journaled, and projected, as a whole.
        """
        if not row.flags & RecordFlag.LINKED:
            return []
        made = self._projection.made
        if row.position <= self._projection.position():
            with self._projection.reading(made) as connection:
                after = range(row.position + 1, row.position + MAX_CHAIN)
                rows = self._at(connection, after)
        else:
            entry = self._journal.read(row.position, 1)[0]
            first = row.position + 1 - entry.first_position
            end = min(first + MAX_CHAIN - 1, len(entry.records))
            rows = [payment_row(entry, index) for index in range(first, end)]
        last = next(n for n, one in enumerate(rows) if not one.flags & RecordFlag.LINKED)
        return rows[: last + 1]

    def _beyond(self, position: int) -> Iterator[Entry]:
        """The journal's rows with positions after this one."""
        if self._is_far_behind():
            raise self._overloaded(NOT_READY)
        while entries := self._journal.read(position):
            yield from entries
            position = entries[-1].last_position


def _one_of(
    connection: Connection, values: Sequence[int]
) -> tuple[str, tuple[int | list[int], ...]]:
    """The SQL after a column's name that asks for any of some values, and its parameters."""
    if connection.dialect.name == "postgresql":
        return "= ANY(%s)", (list(values),)
    return f"IN ({', '.join('?' * len(values))})", tuple(values)


def _touching(entry: Entry, account: int) -> list[int]:
    """Indices of an account's records: what moved its money, and what it asked for in vain."""
    records = entry.records
    touching = (records["debit"] == account) | (records["credit"] == account)
    touching &= is_of(records, STATED)
    touching &= (entry.results < Result.MALFORMED) | (records["origin"] == account)
    found: list[int] = np.flatnonzero(touching).tolist()
    return found


def _first(pieces: Iterator[Positions], limit: int) -> list[int]:
    found: list[int] = []
    for positions in pieces:
        found += positions[: limit - len(found)].tolist()
        if len(found) >= limit:
            break
    return found


def _arrived(row: PaymentRow, account: int) -> bool:
    moved = row.result == Result.ACCEPTED and row.kind in (Kind.TRANSFER, Kind.DELIVER)
    return moved and row.credit == account


def _found(row: PaymentRow, following: Sequence[PaymentRow] = ()) -> Found:
    record = np.zeros(1, RECORD)[0]
    for name in ("origin", "debit", "credit", "kind", "flags", "purpose", "sequence", "amount_fen"):
        record[name] = getattr(row, name)
    for name in ("time_ms", "expires_ms", "ref"):
        record[name] = getattr(row, name)
    record["digest"] = int.from_bytes(bytes(row.digest), "little")
    after = tuple(_found(one) for one in following)
    return Found(record, row.result, row.detail, row.position, after)
