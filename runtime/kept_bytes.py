"""Bytes that a caller has written down for good though nothing came of it: so many, and no more."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from runtime.clock import Clock
from runtime.shares import overloaded

_HOUR_MS = 3_600_000
_MOST_CALLERS = 100_000


class KeptBytes:
    """For each caller a number of bytes at once and, when they are used up, so many an hour.

    What came of a caller's word makes room again, up to a bound. It is looked before a call and
    counted after it, so that one call may go beyond; the next ones wait until that is made up for.
    Callers that have not been counted for the longest are forgotten when there are too many.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        at_once: int,
        per_hour: int,
        most: int = 0,
        most_callers: int = _MOST_CALLERS,
    ) -> None:
        """`most` is what a caller may have left by what came of its word; `at_once` when less."""
        self._clock = clock
        self._at_once = at_once
        self._per_hour = per_hour
        self._most = max(most, at_once)
        self._most_callers = most_callers
        self._lock = threading.Lock()
        # By caller: how many bytes are left, and when that was.
        self._left: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def wait_ms(self, caller: Hashable) -> int:
        """After how long a caller may have something written down again; 0 for now."""
        if caller not in self._left:  # whom nothing was counted of: most callers, without the lock
            return 0
        with self._lock:
            left = self._now(caller)
        return 0 if left > 0 else int(-left * _HOUR_MS / self._per_hour) + 1

    def check(self, caller: Hashable) -> None:
        """That a caller may go on.

        Raises:
            Refusal: OVERLOADED, with the time after which it may.
        """
        wait_ms = self.wait_ms(caller)
        if wait_ms:
            raise overloaded("too much was kept for you of which nothing came", wait_ms)

    def count(self, caller: Hashable, kept: int, *, came_of_it: int = 0) -> None:
        """So many bytes were written down, so many of them for what came of the caller's word."""
        with self._lock:
            left = self._now(caller) - kept + came_of_it
            self._left[caller] = min(left, self._most), self._clock.monotonic_ms()
            self._left.move_to_end(caller)
            if len(self._left) > self._most_callers:
                self._left.popitem(last=False)

    def _now(self, caller: Hashable) -> float:
        now_ms = self._clock.monotonic_ms()
        left, at_ms = self._left.get(caller, (float(self._at_once), now_ms))
        if left >= self._at_once:
            return left
        return min(self._at_once, left + (now_ms - at_ms) * self._per_hour / _HOUR_MS)
