"""Puts a core together over a database, recovering what it holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


@dataclass(frozen=True)
class LedgerBundle:
    """A recovered core with what reads it."""

    core: Core
    ledger: Ledger
    journal: Journal
    projection: Projection
    history: History
    background: ThreadPoolExecutor | None = None

    def stop(self) -> None:
        """Ends the threads, if there are any, after answering what is queued."""
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
        threaded: with a writer thread (services), or in the caller's (simulation).
        seal_every: projected records whose index is kept in memory.
        max_lag: how far the projection may be behind before the writer waits for
            it; None when nobody calls its `catch_up` meanwhile.
        max_unprojected: journaled records that a question reads through; when more are not
            projected yet, whatever needs the past is refused. None: there is no bound.
        on_stopped: called once when the core had to stop.
        overloaded: makes the error for who is turned away for now; an Overloaded.
        min_free_bytes: below which nothing new is taken, beside an SQLite database.

    Raises:
        settlement.journal.JournalBroken: the hash chain does not hold.
    """
    room = Room(engine, least_bytes=min_free_bytes)
    journal = Journal(engine, tables)
    # For the writing of snapshots, and for what the projection does ahead.
    background = ThreadPoolExecutor(2, "settlement-background") if threaded else None
    projection = Projection(engine, tables, journal, seal_every=seal_every, background=background)
    history = History(engine, tables, journal, projection, max_unprojected=max_unprojected)
    if background is None:
        core = Core(engine, tables, journal, history)
        direct = DirectLedger(core, overloaded=overloaded, is_short=room.is_short)
        return LedgerBundle(core, direct, journal, projection, history)

    def keep_near(position: int) -> None:
        # Bounded, so that a writer can always be stopped.
        if max_lag is not None:
            projection.wait_for(position - max_lag, _PATIENCE_S)

    def save(work: Callable[[], None]) -> None:
        background.submit(work)

    core = Core(engine, tables, journal, history, background=save)
    writer = GroupCommitWriter(
        core,
        on_stopped=on_stopped,
        keep_near=keep_near,
        overloaded=overloaded,
        is_short=room.is_short,
    )
    return LedgerBundle(core, writer, journal, projection, history, background)
