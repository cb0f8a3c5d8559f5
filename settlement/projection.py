"""The projection: makes rows for queries from the journal, from which they can be made again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, event, insert, select, update

from settlement.balances import Balances
from settlement.errors import Overloaded
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

NOT_READY = "the past is being made ready to be looked up; ask again later"

_JOURNAL_ROWS = 512
_LOOKED_AT = "projection looked at"


class _Gone(Exception):
    """The rows that were made are no longer in the database."""


class _Prepared(NamedTuple):
    """A part of the journal, ready to be written."""

    entry: Entry
    rows: bytes | list[tuple[Any, ...]]
    postings: Part


class Projection:
    """Brings what the journal says into `payments`, their index, and `balances`.

    How far it has come is written in the same transaction as the rows.

    On PostgreSQL the rows are gone when the server crashes, or when a standby takes its place. Both
    end every connection, so it is enough to look whether they are still there when a connection is
    new. They are made again meanwhile, and a question about the past is refused until they are.
    """

    def __init__(
        self,
        engine: Engine,
        tables: JournalTables,
        journal: Journal,
        *,
        seal_every: int = SEAL_RECORDS,
        background: Executor | None = None,
        overloaded: Callable[[str], Exception] = Overloaded,
    ) -> None:
        """Goes on from where the database is.

        Args:
            engine: the database.
            tables: the core's tables in it.
            journal: over the same tables.
            seal_every: how many projected records have their index in memory.
            background: two threads, which prepare rows and seal while other rows are written;
                None: the calling thread does everything in turn.
            overloaded: makes the error for who reads rows that are gone; an Overloaded.
        """
        self._engine = engine
        self._writing = journal.writing
        self._tables = tables
        self._journal = journal
        self._overloaded = overloaded
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
        self._made = 0
        """Counted up when the rows are begun anew, and again when memory says so too: an odd number
        is that of rows of which nothing can be said."""
        self.on_gone: Callable[[], None] = lambda: None
        """Called when the rows are gone and are about to be made again."""
        served = engine.dialect.name == "postgresql"
        # A question needs no transaction, which would cost two more round trips to a server.
        level = {"isolation_level": "AUTOCOMMIT"} if served else {}
        self._reading = engine.execution_options(**level)
        self._unsure = threading.Event()
        if served:
            event.listen(engine, "connect", lambda *_: self._unsure.set())
        self._load()

    @property
    def made(self) -> int:
        """To be read before `position`, and given to `reading`."""
        return self._made

    @contextmanager
    def reading(self, made: int) -> Iterator[Connection]:
        """A connection to read the rows with, up to a `position` that was read after `made`.

        Raises:
            settlement.errors.Overloaded: the rows are gone, or have been made anew since `made`
                was read; what was read is of no use. Ask again later.
        """
        with self._reading.connect() as connection:
            # A connection does not outlive the rows, so each is looked at once.
            if connection.info.get(_LOOKED_AT) != made:
                if made % 2 or not self._is_whole(connection):
                    self._unsure.set()
                    raise self._overloaded(NOT_READY)
                connection.info[_LOOKED_AT] = made
            yield connection
        if self._made != made:
            raise self._overloaded(NOT_READY)

    def is_unsure(self) -> bool:
        """Whether the rows may be gone, so that a question may be refused."""
        return self._unsure.is_set() or bool(self._made % 2)

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
            try:
                if self._made % 2:
                    self._begin_anew()  # it was begun before, and could not be ended
                self._look()
                for prepared in self._prepared(self._position, max_rows):
                    self._write(prepared)
                    done += len(prepared.entry.records)
                self._idle = 0 if done else self._idle + 1
                if self._balances_due():
                    self._write_balances()
            except _Gone:
                self.on_gone()
                self._begin_anew()
        return done

    def _balances_due(self) -> bool:
        if self._position - self._balances.written > BALANCES_EVERY_RECORDS:
            return True
        few = self._balances.changed() <= BALANCES_AT_ONCE
        return self._idle >= (1 if few else LONG_PAUSE)

    def write_balances(self) -> None:
        """Writes `balances` as of where the payments are.

        Raises:
            settlement.errors.Overloaded: the rows are gone, and are about to be made again.
        """
        with self._lock:
            try:
                self._write_balances()
            except _Gone:
                self._unsure.set()
                raise self._overloaded(NOT_READY) from None

    def rebuild(self) -> None:
        """Deletes all rows and projects the whole journal again."""
        with self._lock:
            self._begin_anew()
            while self.catch_up():
                pass
            self._write_balances()

    def _begin_anew(self) -> None:
        """Deletes all rows, which are to be made again.

        Where it fails half-way, memory and rows no longer belong together: `_made` stays odd, and
        nothing is answered from either until this has come to its end.
        """
        tables = self._tables
        self._made |= 1
        self.index.give_up_sealing()
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
        self._made += 1

    def _look(self) -> None:
        """Raises _Gone where a new connection, or a question, has given reason to look."""
        if not self._unsure.is_set():
            return
        with self._engine.connect() as connection:
            self._unsure.clear()
            if not self._is_whole(connection):
                raise _Gone

    def _is_whole(self, connection: Connection) -> bool:
        """Whether the database has the rows up to where they were made."""
        position = self._position
        of = self._tables.projected.c
        query = select(of.position).where(of.id == PAYMENTS)
        return int(connection.execute(query).scalar() or 0) >= position

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
            self._stand_at(connection, PAYMENTS, self._position, last, entry.seq)
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
                    now = self._balances.position
                    self._stand_at(connection, BALANCES, self._balances.written, now, 0)
        self._balances.committed()

    def _stand_at(
        self, connection: Connection, which: int, before: int, position: int, seq: int
    ) -> None:
        table = self._tables.projected
        values = {"position": position, "seq": seq}
        mine = (table.c.id == which) & (table.c.position == before)
        if connection.execute(update(table).where(mine).values(values)).rowcount:
            return
        if before:
            raise _Gone
        connection.execute(insert(table), {"id": which, **values})
