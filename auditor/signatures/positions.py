"""Looks up a journal's records by their positions, which mostly rise."""

from __future__ import annotations

from sqlalchemy import Engine

from auditor.signatures.orders import Line, lines
from settlement.journal import Entry, Journal
from settlement.tables import JournalTables


class Positions:
    """Looks up records, and remembers the journal row that it read last."""

    def __init__(self, engine: Engine, tables: JournalTables) -> None:
        self._journal = Journal(engine, tables)
        self._entry: Entry | None = None
        self._lines: list[Line] = []

    def at(self, position: int) -> Line | None:
        """The record at a position; None when the journal has none there."""
        entry = self._entry
        if entry is None or not entry.first_position <= position <= entry.last_position:
            found = self._journal.read(position - 1, 1) if position > 0 else []
            if not found or found[0].first_position > position:
                return None
            entry = self._entry = found[0]
            self._lines = list(lines(entry))
        return self._lines[position - entry.first_position]
