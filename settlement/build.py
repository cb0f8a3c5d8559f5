"""Puts a core together over a database, recovering what it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from settlement.core import Core, CoreStopped
from settlement.history import History
from settlement.journal import Journal
from settlement.ledger import DirectLedger, Ledger
from settlement.limits import SEAL_RECORDS
from settlement.projection import Projection
from settlement.tables import JournalTables
from settlement.writer import GroupCommitWriter


@dataclass(frozen=True)
class LedgerBundle:
    """A recovered core with what reads it."""

    core: Core
    ledger: Ledger
    journal: Journal
    projection: Projection
    history: History

    def stop(self) -> None:
        """Ends the writer's thread, if there is one, after answering what is queued."""
        if isinstance(self.ledger, GroupCommitWriter):
            self.ledger.stop()


def open_ledger(
    engine: Engine,
    tables: JournalTables,
    *,
    threaded: bool,
    seal_every: int = SEAL_RECORDS,
    on_stopped: Callable[[CoreStopped], None] = lambda _: None,
) -> LedgerBundle:
    """Recovers the core from its database.

    Args:
        engine: the service's database, migrated.
        tables: from `settlement.tables.journal_tables`.
        threaded: with a writer thread (services), or in the caller's (simulation).
        seal_every: projected records whose index is kept in memory.
        on_stopped: called once when the core had to stop.

    Raises:
        settlement.journal.JournalBroken: the hash chain does not hold.
    """
    journal = Journal(engine, tables)
    projection = Projection(engine, tables, journal, seal_every=seal_every)
    history = History(engine, tables, journal, projection)
    core = Core(engine, tables, journal, history)
    ledger: Ledger
    ledger = GroupCommitWriter(core, on_stopped=on_stopped) if threaded else DirectLedger(core)
    return LedgerBundle(core, ledger, journal, projection, history)
