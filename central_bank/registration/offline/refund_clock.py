"""The time by which expired money goes back: one that no step of the clock can hurry.

A clock that jumps ahead, for a minute or for good, would give a country's money back to its loaders
before its payees have come. So this time moves on by what has passed while the service was running,
a day of what it missed in an hour, and stands still where the clock is more than `MAX_STEP_MS`
ahead of it, until an operator has said that the clock is right. Deposits that waited at the banks
while the service was away come in before anything goes back.
"""

from __future__ import annotations

import threading

from sqlalchemy import Connection, delete, insert, select

from central_bank.registration.offline.tables import refund_clock
from runtime.clock import Clock
from runtime.database import Database
from runtime.logs import logger

MAX_STEP_MS = 3 * 86_400_000
"""What the clock may be ahead; far less than the margin in the grace."""

CATCH_UP = 24
"""How many times as fast as time passes this time follows a clock that is ahead."""

_WARN_EACH_MS = 3_600_000


class RefundClock:
    """Says the time, durably never further on than it may be believed."""

    def __init__(self, database: Database, clock: Clock, *, confirmed_until_ms: int = 0) -> None:
        """Goes on where it stood.

        Args:
            confirmed_until_ms: times up to this one an operator has said to be right.
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
        """The time; the clock's own where that is behind."""
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
