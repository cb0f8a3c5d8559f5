"""Keeps the time by which expired money is refunded, which a step of the clock cannot hurry.

A clock that jumps ahead, for a minute or for good, could refund a country's money to its loaders
before its payees have come. So this time follows the clock only while the service runs, at most a
day in an hour. It stands still if the clock is more than `MAX_STEP_MS` ahead of it, until an
operator has confirmed that the clock is right. So deposits that waited at banks while the service
was away come in before anything is refunded.
"""

from __future__ import annotations

import threading

from sqlalchemy import Connection, delete, insert, select

from central_bank.registration.offline.tables import refund_clock
from runtime.clock import Clock
from runtime.database import Database
from runtime.logs import logger

MAX_STEP_MS = 3 * 86_400_000
"""How far the clock may be ahead; far less than the margin in the grace."""

CATCH_UP = 24
"""How many times as fast as time passes this time follows a clock that is ahead."""

_WARN_EACH_MS = 3_600_000


class RefundClock:
    """The time of refunds; it is durable, and never later than may be believed."""

    def __init__(self, database: Database, clock: Clock, *, confirmed_until_ms: int = 0) -> None:
        """Continues from where it stood.

        Args:
            database: where it is kept.
            clock: the system's.
            confirmed_until_ms: an operator has confirmed that times up to this one are right.
        """
        self._database = database
        self._clock = clock
        self._confirmed_until_ms = confirmed_until_ms
        self._lock = threading.Lock()
        row = database.read(lambda c: c.execute(select(refund_clock.c.time_ms)).scalar())
        self._warned_ms: int | None = None
        self._seen_ms = self._at_ms = 0
        self._keep(clock.now_ms() if row is None else int(row), clock.monotonic_ms())

    def now_ms(self) -> int:
        """The time of refunds; the clock's own time if that is earlier."""
        with self._lock:
            now_ms, at_ms = self._clock.now_ms(), self._clock.monotonic_ms()
            may_be_ms = self._seen_ms + CATCH_UP * (at_ms - self._at_ms)
            ahead_ms = now_ms - may_be_ms
            if ahead_ms > MAX_STEP_MS and now_ms > self._confirmed_until_ms:
                self._warn(ahead_ms, at_ms)
                self._at_ms = at_ms
                return self._seen_ms
            if now_ms <= self._confirmed_until_ms:
                may_be_ms = now_ms
            self._keep(min(now_ms, may_be_ms), at_ms)
            return self._seen_ms

    def _keep(self, time_ms: int, at_ms: int) -> None:
        def body(connection: Connection) -> None:
            connection.execute(delete(refund_clock))
            connection.execute(insert(refund_clock), {"id": 1, "time_ms": time_ms})

        self._database.transaction(body)
        self._seen_ms, self._at_ms = time_ms, at_ms

    def _warn(self, ahead_ms: int, at_ms: int) -> None:
        if self._warned_ms is not None and at_ms - self._warned_ms < _WARN_EACH_MS:
            return
        self._warned_ms = at_ms
        logger("refunds").error(
            "the clock is ahead of what may be believed, and no expired money goes back; if it is"
            " right, set refunds_confirmed_until_ms to a time soon after it and start again",
            ahead_ms=ahead_ms,
            believed_ms=self._seen_ms,
        )
