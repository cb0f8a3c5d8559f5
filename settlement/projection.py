"""The projection: rows that people query, following the journal; droppable, rebuildable."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple, TypeVar

import numpy as np
from sqlalchemy import Connection, Engine, delete, insert, select, update

from settlement.balances import Balances
from settlement.journal import Entry, Journal, together
from settlement.limits import (
    BALANCES_AT_ONCE,
    BALANCES_EVERY_RECORDS,
    LONG_PAUSE,
    PROJECTION_ROWS,
    PROJECTION_ROWS_SQLITE,
    PROJECTION_STEP,
    SEAL_RECORDS,
)
from settlement.payment_rows import insert_payments, prepared_rows
from settlement.postings import (
    Index,
    Keys,
    Part,
    Positions,
    Runs,
    appended,
    joined,
    postings_of,
)
from settlement.records import RECORD
from settlement.tables import JournalTables

PAYMENTS, BALANCES = 1, 2
"""Rows of `projected`."""

_TAIL_ROWS = 65_536
_JOURNAL_ROWS = 512


T = TypeVar("T")
_Sealed = tuple[int, int, int]
"""First position, last position, parts of the tail."""


class _Prepared(NamedTuple):
    """A part of the journal, ready to be written."""

    entry: Entry
    rows: bytes | list[tuple[Any, ...]]
    postings: Part


class Projection:
    """Follows the journal into `payments`, their index, and `balances`.

    Each position moves in the same transaction as its rows.
    """

    def __init__(
        self,
        engine: Engine,
        tables: JournalTables,
        journal: Journal,
        *,
        seal_every: int = SEAL_RECORDS,
        background: Executor | None = None,
    ) -> None:
        """Takes up where the database is.

        Args:
            engine: the database.
            tables: of the core in it.
            journal: in the same tables.
            seal_every: projected records whose index is kept in memory.
            background: two threads that prepare rows and seal while others are being written; None:
                everything in turn.
        """
        self._engine = engine
        self._writing = journal.writing
        self._tables = tables
        self._journal = journal
        self._seal_every = seal_every
        one_writer = engine.dialect.name == "sqlite"
        self._at_once = PROJECTION_ROWS_SQLITE if one_writer else PROJECTION_ROWS
        # SQLite's driver takes the interpreter's lock for each row: beside it nothing is gained.
        self._background = None if one_writer else background
        self._lock = threading.RLock()
        self._moved = threading.Condition()
        self._runs = Runs(engine, tables)
        self._balances = Balances(tables.balances)
        self._idle = 0
        self._sealing: Future[_Sealed] | None = None
        self._frozen = 0  # parts of the tail that are being sealed
        self._load()

    def position(self) -> int:
        """Records projected so far."""
        return self._position

    def wait_for(self, position: int, timeout_s: float) -> bool:
        """Waits until this position has been projected; False when the time is over."""
        with self._moved:
            return self._moved.wait_for(lambda: self._position >= position, timeout_s)

    def catch_up(self, max_rows: int = PROJECTION_STEP) -> int:
        """Projects up to about `max_rows` more records; returns how many."""
        done = 0
        with self._lock:
            for prepared in self._prepared(self._position, max_rows):
                self._write(prepared)
                done += len(prepared.entry.records)
            self._idle = 0 if done else self._idle + 1
            if self._balances_due():
                self._write_balances()
        return done

    def _balances_due(self) -> bool:
        if self._position - self._balances.written > BALANCES_EVERY_RECORDS:
            return True
        few = self._balances.changed() <= BALANCES_AT_ONCE
        return self._idle >= (1 if few else LONG_PAUSE)

    def write_balances(self) -> None:
        """Brings `balances` to where the payments are."""
        with self._lock:
            self._write_balances()

    def rebuild(self) -> None:
        """Drops all rows and projects the journal again."""
        tables = self._tables
        with self._lock:
            self._end_sealing()
            with self._writing.begin() as connection:
                for table in (
                    tables.payments,
                    tables.sealed,
                    tables.postings,
                    tables.balances,
                    tables.projected,
                ):
                    connection.execute(delete(table))
            self._load()
            while self.catch_up():
                pass
            self._write_balances()

    def newest_first(
        self, connection: Connection, index: Index, key: int, before: int
    ) -> Iterator[Positions]:
        """Positions below `before` that a key is found at, in falling order, in pieces."""
        runs, tail = self._stands  # together: what is sealed meanwhile would come twice
        for part in reversed(tail):
            found = part[index].of(key)
            yield found[found < before][::-1]
        firsts = [first for first, _ in runs]
        yield from self._runs.newest_first(connection, firsts, index, key, before)

    def in_runs(
        self, connection: Connection, index: Index, key: int, before: int
    ) -> Iterator[Positions]:
        """As `newest_first`, among those that are sealed."""
        runs, _ = self._stands
        firsts = [first for first, _ in runs]
        yield from self._runs.newest_first(connection, firsts, index, key, before)

    def oldest_first(
        self, connection: Connection, index: Index, key: int, after: int
    ) -> Iterator[Positions]:
        """Positions beyond `after` that a key is found at, in rising order, in pieces."""
        runs, tail = self._stands
        for first, last in runs:
            if last > after:
                yield from self._runs.oldest_first(connection, first, index, key, after)
        for part in tail:
            found = part[index].of(key)
            yield found[found > after]

    def in_tail(self, index: Index, keys: Keys) -> Positions:
        """Positions that any of these keys is found at, among those that are not sealed yet."""
        _, tail = self._stands
        return joined([part[index].of_any(keys) for part in tail]).positions

    def _load(self) -> None:
        """Takes up where the database is."""
        table = self._tables.projected
        with self._engine.connect() as connection:
            stands = {row.id: row for row in connection.execute(select(table))}
        payments, balances = stands.get(PAYMENTS), stands.get(BALANCES)
        self._position = payments.position if payments is not None else 0
        sealed = self._runs.bounds()
        self._tail_start = sealed[-1][1] + 1 if sealed else 1
        tail = [
            self._postings_in_table(at, at + _TAIL_ROWS)
            for at in range(self._tail_start, self._position + 1, _TAIL_ROWS)
        ]
        # Replaced as a whole, never changed: readers take it without waiting for anyone.
        self._stands = sealed, tail
        self._balances.load(self._engine, balances.position if balances is not None else 0)
        while self._balances.position < self._position:
            for entry in self._journal.read(self._balances.position):
                if entry.last_position <= self._position:
                    self._balances.add(entry)

    def _postings_in_table(self, first: int, end: int) -> Part:
        table = self._tables.payments
        names = ("origin", "sequence", "kind", "debit", "credit")
        query = (
            select(*(table.c[name] for name in (*names, "result")))
            .where(table.c.position >= first, table.c.position < end)
            .order_by(table.c.position)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        records = np.zeros(len(rows), RECORD)
        for name, values in zip(names, zip(*rows, strict=True), strict=False):
            records[name] = values
        results = np.array([row.result for row in rows], np.uint8)
        found = postings_of(records, results, first)
        return {index: part.sorted() for index, part in found.items()}

    def _prepared(self, position: int, max_rows: int) -> Iterator[_Prepared]:
        """The journal's next parts, each ready; the one behind is made while one is written."""
        end = position + max_rows
        following = self._run(self._prepare, position, end)
        while (prepared := following.result()) is not None:
            following = self._run(self._prepare, prepared.entry.last_position, end)
            yield prepared

    def _run(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Runs something aside, or at once where there is nobody aside."""
        if self._background is not None:
            return self._background.submit(work, *arguments)
        done: Future[T] = Future()
        done.set_result(work(*arguments))
        return done

    def _prepare(self, position: int, end: int) -> _Prepared | None:
        within = min(end - position, self._at_once)
        entries = self._journal.read(position, _JOURNAL_ROWS, within=within) if within > 0 else []
        if not entries:
            return None
        entry = together(entries)
        postings = postings_of(entry.records, entry.results, entry.first_position)
        rows = prepared_rows(entry, self._engine.dialect.name)
        return _Prepared(entry, rows, {index: part.sorted() for index, part in postings.items()})

    def _write(self, prepared: _Prepared) -> None:
        entry, last = prepared.entry, prepared.entry.last_position
        with self._writing.begin_lightly() as connection:
            insert_payments(connection, self._tables.payments, prepared.rows)
            self._stand_at(connection, PAYMENTS, last, entry.seq)
        self._balances.add(entry)
        runs, tail = self._stands
        self._stands = runs, appended(tail, prepared.postings, frozen=self._frozen)
        with self._moved:
            self._position = last
            self._moved.notify_all()
        self._seal_tail()

    def _seal_tail(self) -> None:
        """Begins to seal the tail when it is long enough; takes up what has been sealed."""
        waiting = self._position + 1 - self._tail_start
        if self._sealing is None and waiting >= self._seal_every:
            tail = self._stands[1]
            self._frozen = len(tail)
            self._sealing = self._run(self._seal, self._tail_start, self._position, tail)
        if self._sealing is not None and (self._sealing.done() or waiting >= 2 * self._seal_every):
            self._end_sealing()

    def _end_sealing(self) -> None:
        if self._sealing is not None:
            first, last, parts = self._sealing.result()
            runs, tail = self._stands
            self._stands = [*runs, (first, last)], tail[parts:]
            self._tail_start, self._sealing, self._frozen = last + 1, None, 0

    def _seal(self, first: int, last: int, tail: list[Part]) -> _Sealed:
        indexes = {index: joined([part[index] for part in tail]) for index in Index}
        self._runs.write(self._writing, first, last, indexes)
        return first, last, len(tail)

    def _write_balances(self) -> None:
        if self._balances.written == self._balances.position:
            return
        steps = self._balances.steps(self._at_once)
        for numbers, last in steps:
            with self._writing.begin() as connection:
                self._balances.write(connection, numbers)
                if last:
                    self._stand_at(connection, BALANCES, self._balances.position, 0)
        self._balances.committed()

    def _stand_at(self, connection: Connection, which: int, position: int, seq: int) -> None:
        table = self._tables.projected
        values = {"position": position, "seq": seq}
        changed = connection.execute(update(table).where(table.c.id == which).values(values))
        if changed.rowcount == 0:
            connection.execute(insert(table), {"id": which, **values})
