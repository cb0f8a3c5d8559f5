"""The projection: makes rows for queries from the journal, from which they can be made again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any, NamedTuple

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
from settlement.payment_index import PaymentIndex, begun
from settlement.payment_rows import insert_payments, prepared_rows
from settlement.postings import Part, postings_of
from settlement.tables import JournalTables

PAYMENTS, BALANCES = 1, 2
"""The ids of the rows of `projected`."""

_JOURNAL_ROWS = 512


class _Prepared(NamedTuple):
    """A part of the journal, ready to be written."""

    entry: Entry
    rows: bytes | list[tuple[Any, ...]]
    postings: Part


class Projection:
    """Brings what the journal says into `payments`, their index, and `balances`.

    How far it has come is written in the same transaction as the rows.
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
        """Goes on from where the database is.

        Args:
            engine: the database.
            tables: the core's tables in it.
            journal: over the same tables.
            seal_every: how many projected records have their index in memory.
            background: two threads, which prepare rows and seal while other rows are written;
                None: the calling thread does everything in turn.
        """
        self._engine = engine
        self._writing = journal.writing
        self._tables = tables
        self._journal = journal
        one_writer = engine.dialect.name == "sqlite"
        self._at_once = PROJECTION_ROWS_SQLITE if one_writer else PROJECTION_ROWS
        # SQLite's driver holds the interpreter's lock for each row, so a thread gains nothing.
        self._background = None if one_writer else background
        self.index = PaymentIndex(
            engine, tables, journal.writing, seal_every=seal_every, background=self._background
        )
        """The index of the projected payments."""
        self._lock = threading.RLock()
        self._moved = threading.Condition()
        self._balances = Balances(tables.balances)
        self._idle = 0
        self._load()

    def position(self) -> int:
        """How many records have been projected so far."""
        return self._position

    def wait_for(self, position: int, timeout_s: float) -> bool:
        """Waits until this position has been projected; False when the time ran out."""
        with self._moved:
            return self._moved.wait_for(lambda: self._position >= position, timeout_s)

    def catch_up(self, max_rows: int = PROJECTION_STEP) -> int:
        """Projects up to about `max_rows` more records, and `balances` when they are due.

        Returns:
            How many records it has projected.
        """
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
        """Writes `balances` as of where the payments are."""
        with self._lock:
            self._write_balances()

    def rebuild(self) -> None:
        """Deletes all rows and projects the whole journal again."""
        tables = self._tables
        with self._lock:
            self.index.end_sealing()
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

    def _load(self) -> None:
        """Loads how far the database has come, and what is kept of it in memory."""
        table = self._tables.projected
        with self._engine.connect() as connection:
            stands = {row.id: row for row in connection.execute(select(table))}
        payments, balances = stands.get(PAYMENTS), stands.get(BALANCES)
        self._position = payments.position if payments is not None else 0
        self.index.load(self._position)
        self._balances.load(self._engine, balances.position if balances is not None else 0)
        while self._balances.position < self._position:
            for entry in self._journal.read(self._balances.position):
                if entry.last_position <= self._position:
                    self._balances.add(entry)

    def _prepared(self, position: int, max_rows: int) -> Iterator[_Prepared]:
        """The journal's next parts; the next one is prepared while one is being written."""
        end = position + max_rows
        following = begun(self._background, self._prepare, position, end)
        while (prepared := following.result()) is not None:
            following = begun(self._background, self._prepare, prepared.entry.last_position, end)
            yield prepared

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
        self.index.add(prepared.postings)
        with self._moved:
            self._position = last
            self._moved.notify_all()
        self.index.reached(last)

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
