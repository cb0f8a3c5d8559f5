"""A no to an authentic order is final: it takes the order's sequence, whatever the no was for.

What the rule refuses has used its sequence up already. This is for orders that are refused before
the rule is asked, for reasons that may pass: without it, somebody who kept one could send it again
when they have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dcep.errors.v1 import errors_pb2
from operator_bank.orders import Order
from operator_bank.reasons import refusal_of
from runtime.clock import Clock
from runtime.errors import Refusal
from settlement.core import Batch
from settlement.history import History
from settlement.ledger import Ledger
from settlement.records import RECORD, Kind, Result

_DECIDES_NOTHING = frozenset(
    (
        errors_pb2.REASON_OVERLOADED,
        errors_pb2.REASON_STOPPING,
        errors_pb2.REASON_PEER_UNAVAILABLE,
        errors_pb2.REASON_INTERNAL,
    )
)


class Refused:
    """Keeps and finds refusals, in the journal."""

    def __init__(self, ledger: Ledger, history: History, clock: Clock) -> None:
        self._ledger = ledger
        self._history = history
        self._clock = clock

    def check(self, order: Order[Any]) -> None:
        """That an order was not refused before.

        Raises:
            Refusal: it was, and for this; or ID_REUSED.
        """
        row = self.earlier(order)
        if row is not None and row.kind == Kind.REFUSAL:
            raise Refusal(row.spare, "it was refused for this before; make it anew")

    def earlier(self, order: Order[Any]) -> Any:
        """The journal's row of this order, or None. Raises Refusal: ID_REUSED for another one."""
        row = self._history.row(order.wallet.account, order.content.sequence)
        if row is not None and int.from_bytes(bytes(row.digest), "little") != order.digest:
            raise refusal_of(Result.ID_REUSED)
        return row

    def keep(self, order: Order[Any], refusal: Refusal) -> Refusal:
        """The refusal, once it is durable; ID_REUSED for a sequence that was used before."""
        if refusal.reason in _DECIDES_NOTHING:
            return refusal
        record = np.zeros(1, RECORD)
        record["kind"] = Kind.REFUSAL
        record["origin"] = record["debit"] = order.wallet.account
        record["sequence"] = order.content.sequence
        record["spare"] = refusal.reason
        record["time_ms"] = self._clock.now_ms()
        record["digest"] = order.digest
        kept = Batch(record, [order.payload], signatures=[order.signature])
        result = self._ledger.submit(kept).result(0)
        return refusal_of(result) if result == Result.ID_REUSED else refusal
