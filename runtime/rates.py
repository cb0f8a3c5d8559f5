"""Limits how often each caller may do something: a token bucket for each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from runtime.shares import overloaded

_MOST_CALLERS = 100_000


class Rate:
    """Allows each caller so many a minute, and up to a minute's worth at once. For one thread.

    To bound memory, the callers not seen for the longest are forgotten when there are too many;
    they have a full allowance again then. Somebody with a hundred thousand addresses has as many
    allowances anyway.
    """

    def __init__(
        self,
        what: str,
        per_minute: int,
        now_s: Callable[[], float] = time.monotonic,
        most_callers: int = _MOST_CALLERS,
    ) -> None:
        """Gives every caller a full allowance.

        Args:
            what: its name in refusals, such as "wallets opened".
            per_minute: how many a minute; below 1: none at all.
            now_s: a clock that never goes back, in seconds.
            most_callers: how many callers are remembered.
        """
        self._what = what
        self._per_minute = per_minute
        self._now_s = now_s
        self._most_callers = most_callers
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def take(self, caller: str, count: int = 1) -> None:
        """Takes `count` from a caller's allowance, or nothing when it has less.

        Raises:
            Refusal: OVERLOADED, with the time after which to ask again. A count above a minute's
                worth is always refused.
        """
        now = self._now_s()
        if self._per_minute < 1:
            raise overloaded(f"no {self._what} are taken here", 60_000)
        left, at = self._left.get(caller, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - at) * self._per_minute / 60)
        if left < count:
            missing = min(count, self._per_minute) - left
            again_ms = int(missing * 60_000 / self._per_minute) + 1
            raise overloaded(f"{self._per_minute} {self._what} a minute is all", again_ms)
        self._left[caller] = left - count, now
        self._left.move_to_end(caller)
        if len(self._left) > self._most_callers:
            self._left.popitem(last=False)
