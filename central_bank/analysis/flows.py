"""What went from bank to bank: sums over the projection, never a wallet."""

from __future__ import annotations

from sqlalchemy import func, select

from central_bank import accounts
from central_bank.authentication.registry import Registry
from central_bank.tables import ledger
from runtime.checks import invalid
from runtime.database import Database
from settlement.history import History
from settlement.records import Kind, Result

_FOREVER_MS = 1 << 62


class Flows:
    """The analysis centre's first question."""

    def __init__(self, database: Database, history: History, registry: Registry) -> None:
        self._database = database
        self._history = history
        self._registry = registry

    def between(self, from_ms: int, to_ms: int) -> list[tuple[str, str, int, int]]:
        """(from bank, to bank, payments, fen) for payments settled in [from_ms, to_ms)."""
        if from_ms < 0 or to_ms < 0 or (to_ms and to_ms < from_ms):
            raise invalid("to_time_ms", "lies before from_time_ms")
        self._history.follow()
        circulations = {accounts.circulation(b.index): b.name for b in self._registry.all()}
        table = ledger.payments
        query = (
            select(table.c.debit, table.c.credit, func.count(), func.sum(table.c.amount_fen))
            .where(
                table.c.kind == Kind.TRANSFER,
                table.c.result == Result.ACCEPTED,
                table.c.time_ms >= from_ms,
                table.c.time_ms < (to_ms or _FOREVER_MS),
                table.c.debit.in_(circulations),
                table.c.credit.in_(circulations),
            )
            .group_by(table.c.debit, table.c.credit)
        )
        rows = self._database.read(lambda c: c.execute(query).all())
        return sorted(
            (circulations[debit], circulations[credit], int(count), int(fen))
            for debit, credit, count, fen in rows
        )
