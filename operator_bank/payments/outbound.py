"""What is on its way to the central bank: sent in order, again and again, until the feed speaks."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import select

from dcep.bank.v1 import bank_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.limits import SUBMIT_ITEMS
from operator_bank.peers import CentralBank
from operator_bank.tables import IS_PENDING, outbound
from runtime.clock import Clock
from runtime.database import Database

PENDING = bank_pb2.PAYMENT_STATE_PENDING
_ENDED = (
    registration_pb2.OUTCOME_STATE_SETTLED,
    registration_pb2.OUTCOME_STATE_REFUSED,
    registration_pb2.OUTCOME_STATE_EXPIRED,
)
_AGAIN_MS = 1_000
_LATER_MS = 10_000


class Outbound:
    """Pending outbound payments. `step` submits those that have not been submitted lately."""

    def __init__(self, database: Database, central_bank: CentralBank, clock: Clock) -> None:
        self._database = database
        self._central_bank = central_bank
        self._clock = clock
        self._ended = threading.Condition()
        self._after = 0
        self._again_at_ms = 0
        self.on_work: Callable[[], None] = lambda: None

    def wake(self) -> None:
        """There is something new to submit."""
        self.on_work()

    def step(self) -> bool:
        """Submits the next payments in order; True when there may be more.

        A payment that the central bank could not settle yet is submitted again after a
        second, and whatever the feed has not ended after ten: it is known by its number.
        """
        now_ms = self._clock.now_ms()
        if now_ms >= self._again_at_ms:
            self._after = 0
            self._again_at_ms = now_ms + _LATER_MS
        table = outbound
        query = (
            select(table.c.number, table.c.body)
            .where(IS_PENDING, table.c.kind != "load", table.c.number > self._after)
            .order_by(table.c.number)
            .limit(SUBMIT_ITEMS)
        )
        rows = self._database.read(lambda c: c.execute(query).all())
        if not rows:
            return False
        batch = registration_pb2.OutboundBatch()
        add = batch.payments.add
        for number, body in rows:
            add(number=number).MergeFromString(body)
        outcomes = self._central_bank.submit(batch)
        if sum(outcome.state in _ENDED for outcome in outcomes) < len(rows):
            self._again_at_ms = min(self._again_at_ms, now_ms + _AGAIN_MS)
        self._after = rows[-1].number
        return len(rows) == SUBMIT_ITEMS

    def state(self, number: int) -> tuple[int, int]:
        """(PaymentState, Reason) of an outbound payment."""
        query = select(outbound.c.state, outbound.c.reason).where(outbound.c.number == number)
        row = self._database.read(lambda c: c.execute(query).first())
        return (row.state, row.reason) if row is not None else (PENDING, 0)

    def wait(self, number: int, timeout_s: float) -> tuple[int, int]:
        """As `state`, after waiting for the payment to end, within a bound."""
        ended: tuple[int, int] = (PENDING, 0)

        def over() -> bool:
            nonlocal ended
            ended = self.state(number)
            return ended[0] != PENDING

        self.wait_until(over, timeout_s)
        return ended

    def wait_until(self, over: Callable[[], bool], timeout_s: float) -> bool:
        """Looks whenever the feed has been applied, until `over` says so or time runs out."""
        with self._ended:
            return self._ended.wait_for(over, max(0.0, timeout_s))

    def ended(self) -> None:
        """Payments have ended: whoever waits may look."""
        with self._ended:
            self._ended.notify_all()
