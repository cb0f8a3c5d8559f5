"""Builds a core over a database, and recovers its state from there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Engine

from settlement.core import Core
from settlement.errors import CoreStopped, Overloaded
from settlement.history import History
from settlement.journal import Journal
from settlement.ledger import DirectLedger, Ledger
from settlement.limits import MAX_UNPROJECTED_RECORDS, MIN_FREE_BYTES, SEAL_RECORDS
from settlement.projection import Projection
from settlement.room import Room
from settlement.tables import JournalTables
from settlement.writer import GroupCommitWriter

_PATIENCE_S = 1.0


class Near:
    """Holds the writer up while the projection is too far behind.

    One that is very far behind is being made again after its rows were lost. Then it has to come
    nearer, so two records are projected for each one that is written, and payments go on meanwhile.
    """

    def __init__(self, projection: Projection, max_lag: int) -> None:
        self._projection = projection
        self._max_lag = max_lag
        self._lost_at: tuple[int, int] | None = None
        """Where the writer and the projection were when it was seen to be very far behind."""

    def keep(self, position: int) -> None:
        """Waits, if need be, but not long, so that a writer can always be stopped."""
        projected = self._projection.position()
        behind = position - projected
        if behind <= self._max_lag:
            self._lost_at = None
            return
        if behind > 2 * self._max_lag and self._lost_at is None:
            self._lost_at = position, projected
        enough = position
        if self._lost_at is not None:
            began, from_there = self._lost_at
            enough = from_there + 2 * (position - began)
        self._projection.wait_for(enough - self._max_lag, _PATIENCE_S)


@dataclass(frozen=True)
class LedgerBundle:
    """A recovered core, with its journal, its projection and its history."""

    core: Core
    ledger: Ledger
    journal: Journal
    projection: Projection
    history: History
    background: ThreadPoolExecutor | None = None

    @property
    def turns(self) -> AbstractContextManager[object]:
        """For whoever else writes the core's database: see `settlement.writing.Writing`."""
        turns: AbstractContextManager[object] = self.journal.writing.turns
        return turns

    def stop(self) -> None:
        """Answers what is queued, then ends the threads, if there are any."""
        if isinstance(self.ledger, GroupCommitWriter):
            self.ledger.stop()
        if self.background is not None:
            self.background.shutdown()


def open_ledger(
    engine: Engine,
    tables: JournalTables,
    *,
    threaded: bool,
    seal_every: int = SEAL_RECORDS,
    max_lag: int | None = None,
    max_unprojected: int | None = MAX_UNPROJECTED_RECORDS,
    on_stopped: Callable[[CoreStopped], None] = lambda _: None,
    overloaded: Callable[[str], Exception] = Overloaded,
    min_free_bytes: int = MIN_FREE_BYTES,
) -> LedgerBundle:
    """Recovers the core from its database.

    Args:
        engine: the service's database, migrated.
        tables: from `settlement.tables.journal_tables`.
        threaded: True: a thread of its own writes (services). False: the caller's thread does
            (simulations and tests).
        seal_every: how many projected records have their index in memory.
        max_lag: how many records the projection may be behind before the writer waits for
            it; None when nobody calls its `catch_up` meanwhile.
        max_unprojected: how many journaled records a question may read through; when more are not
            projected yet, whatever needs the past is refused. None: there is no bound.
        on_stopped: called once when the core had to stop.
        overloaded: makes the error for a caller that is turned away for now; an Overloaded.
        min_free_bytes: with less free beside an SQLite database, nothing new is taken.

    Raises:
        settlement.journal.JournalBroken: the hash chain does not hold, or the rule does not come to
            the answers in the journal.
    """
    room = Room(engine, least_bytes=min_free_bytes)
    journal = Journal(engine, tables)
    # Writes snapshots, and prepares the projection's next rows.
    background = ThreadPoolExecutor(2, "settlement-background") if threaded else None
    projection = Projection(
        engine,
        tables,
        journal,
        seal_every=seal_every,
        background=background,
        overloaded=overloaded,
    )
    history = History(
        tables, journal, projection, max_unprojected=max_unprojected, overloaded=overloaded
    )
    if background is None:
        core = Core(engine, tables, journal, history)
        direct = DirectLedger(core, overloaded=overloaded, is_short=room.is_short)
        return LedgerBundle(core, direct, journal, projection, history)

    near = Near(projection, max_lag) if max_lag is not None else None

    def save(work: Callable[[], None]) -> None:
        background.submit(work)

    core = Core(engine, tables, journal, history, background=save)
    writer = GroupCommitWriter(
        core,
        on_stopped=on_stopped,
        keep_near=near.keep if near is not None else lambda _: None,
        overloaded=overloaded,
        is_short=room.is_short,
    )
    return LedgerBundle(core, writer, journal, projection, history, background)
