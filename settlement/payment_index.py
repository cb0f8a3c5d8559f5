"""The index by which projected payments are found: sealed runs, and the newest in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from typing import TypeVar, TypeVarTuple

import numpy as np
from sqlalchemy import Connection, Engine, select

from settlement.postings import Index, Keys, Part, Positions, Runs, appended, joined, postings_of
from settlement.records import RECORD
from settlement.tables import JournalTables
from settlement.writing import Writing

_TAIL_ROWS = 65_536

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_Sealed = tuple[int, int, int]
"""First position, last position, and how many parts of the tail were sealed."""


def begun(background: Executor | None, work: Callable[[*Ts], T], *arguments: *Ts) -> Future[T]:
    """Runs some work in the background, or at once when there is no background."""
    if background is not None:
        return background.submit(work, *arguments)
    done: Future[T] = Future()
    done.set_result(work(*arguments))
    return done


class PaymentIndex:
    """The index of projected payments. One thread adds to it; any thread may look something up."""

    def __init__(
        self,
        engine: Engine,
        tables: JournalTables,
        writing: Writing,
        *,
        seal_every: int,
        background: Executor | None,
    ) -> None:
        """Makes an empty index; `load` brings it to where the database is.

        Args:
            engine: the database.
            tables: the core's tables in it.
            writing: begins the transactions.
            seal_every: how many records have their postings in memory before they are sealed.
            background: seals while payments go on; None: the adding thread seals.
        """
        self._engine = engine
        self._payments = tables.payments
        self._writing = writing
        self._seal_every = seal_every
        self._background = background
        self._runs = Runs(engine, tables)
        self._sealing: Future[_Sealed] | None = None
        self._frozen = 0  # parts of the tail that are being sealed
        self._position = 0
        self._tail_start = 1
        # Replaced as a whole, never changed: readers take it without waiting for anyone.
        self._stands: tuple[list[tuple[int, int]], list[Part]] = [], []

    def load(self, position: int) -> None:
        """Loads which runs are sealed, and indexes the payments after them up to a position."""
        sealed = self._runs.bounds()
        self._position = position
        self._tail_start = sealed[-1][1] + 1 if sealed else 1
        tail = [
            self._in_table(at, at + _TAIL_ROWS)
            for at in range(self._tail_start, position + 1, _TAIL_ROWS)
        ]
        self._stands = sealed, tail

    def _in_table(self, first: int, end: int) -> Part:
        """The postings of the payments from `first` to before `end`, read from the table."""
        of = self._payments.c
        names = ("origin", "sequence", "kind", "debit", "credit")
        query = (
            select(*(of[name] for name in (*names, "result")))
            .where(of.position >= first, of.position < end)
            .order_by(of.position)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        records = np.zeros(len(rows), RECORD)
        for name, values in zip(names, zip(*rows, strict=True), strict=False):
            records[name] = values
        results = np.array([row.result for row in rows], np.uint8)
        found = postings_of(records, results, first)
        return {index: part.sorted() for index, part in found.items()}

    def add(self, part: Part) -> None:
        """Adds the postings of the next positions."""
        runs, tail = self._stands
        self._stands = runs, appended(tail, part, frozen=self._frozen)

    def reached(self, position: int) -> None:
        """To be called when everything up to a position was added; seals a tail that is long."""
        self._position = position
        waiting = position + 1 - self._tail_start
        if self._sealing is None and waiting >= self._seal_every:
            tail = self._stands[1]
            self._frozen = len(tail)
            self._sealing = begun(self._background, self._seal, self._tail_start, position, tail)
        if self._sealing is not None and (self._sealing.done() or waiting >= 2 * self._seal_every):
            self.end_sealing()

    def end_sealing(self) -> None:
        """Waits for the run that is being sealed, if there is one, and uses it from then on."""
        if self._sealing is not None:
            sealing, self._sealing, self._frozen = self._sealing, None, 0
            # If it was in vain, the tail stays as it is and is sealed another time.
            first, last, parts = sealing.result()
            runs, tail = self._stands
            self._stands = [*runs, (first, last)], tail[parts:]
            self._tail_start = last + 1

    def give_up_sealing(self) -> None:
        """Waits for the run that is being sealed, if there is one, whatever becomes of it."""
        if self._sealing is not None:
            wait([self._sealing])
            self._sealing, self._frozen = None, 0

    def _seal(self, first: int, last: int, tail: list[Part]) -> _Sealed:
        indexes = {index: joined([part[index] for part in tail]) for index in Index}
        self._runs.write(self._writing, first, last, indexes)
        return first, last, len(tail)

    def newest_first(
        self, connection: Connection, index: Index, key: int, before: int
    ) -> Iterator[Positions]:
        """A key's positions below `before`, falling, in pieces."""
        runs, tail = self._stands  # read once: else what is sealed meanwhile would come twice
        for part in reversed(tail):
            found = part[index].of(key)
            yield found[found < before][::-1]
        firsts = [first for first, _ in runs]
        yield from self._runs.newest_first(connection, firsts, index, key, before)

    def in_runs(
        self, connection: Connection, index: Index, key: int, before: int
    ) -> Iterator[Positions]:
        """As `newest_first`, among the sealed positions only."""
        runs, _ = self._stands
        firsts = [first for first, _ in runs]
        yield from self._runs.newest_first(connection, firsts, index, key, before)

    def oldest_first(
        self, connection: Connection, index: Index, key: int, after: int
    ) -> Iterator[Positions]:
        """A key's positions beyond `after`, rising, in pieces."""
        runs, tail = self._stands
        for first, last in runs:
            if last > after:
                yield from self._runs.oldest_first(connection, first, index, key, after)
        for part in tail:
            found = part[index].of(key)
            yield found[found > after]

    def in_tail(self, index: Index, keys: Keys) -> Positions:
        """The positions of any of these keys that are not sealed yet."""
        _, tail = self._stands
        return joined([part[index].of_any(keys) for part in tail]).positions
