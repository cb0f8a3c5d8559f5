"""Sums what went from bank to bank, from the projection; it never looks at a wallet."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select, tuple_

from central_bank.context import Context
from central_bank.ledger.tables import ledger
from runtime.checks import invalid
from runtime.pagination import MAX_PAGE
from settlement.records import Kind, Result

_FOREVER_MS = 1 << 62


class Flow(NamedTuple):
    """What went from one bank to another; the next page continues after `place`."""

    from_bank: str
    to_bank: str
    payments: int
    amount_fen: int
    place: tuple[int, int]


class Flows:
    """The use-case behind GetFlows."""

    def __init__(self, context: Context) -> None:
        self._history = context.history
        self._registry = context.registry

    def between(
        self, from_ms: int, to_ms: int, most: int = MAX_PAGE, after: tuple[int, int] | None = None
    ) -> list[Flow]:
        """Sums of the payments settled in [from_ms, to_ms), by the banks of payer and payee.

        Args:
            from_ms: Unix milliseconds.
            to_ms: Unix milliseconds; 0 for no end.
            most: how many sums at most.
            after: the place of the last flow of the page before.

        Raises:
            Refusal: FIELD_INVALID, or OVERLOADED while what is made from the journal is made again.
        """
        if from_ms < 0 or to_ms < 0 or (to_ms and to_ms < from_ms):
            raise invalid("to_time_ms", "lies before from_time_ms")
        circulations = {b.accounts.circulation: b.name for b in self._registry.all()}
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
            .order_by(table.c.debit, table.c.credit)
            .limit(most)
        )
        if after is not None:
            query = query.where(tuple_(table.c.debit, table.c.credit) > tuple_(*after))
        with self._history.followed() as connection:
            rows = connection.execute(query).all()
        return [
            Flow(circulations[a], circulations[b], int(count), int(fen), (a, b))
            for a, b, count, fen in rows
        ]
