"""Time as an explicit input."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Says what time it is, and how much has passed."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds since some moment; never goes back, even if the time of day is set back.

        Pauses and timeouts are measured by it, so setting the clock back stops nothing.
        """
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Milliseconds since some moment."""
        return time.monotonic_ns() // 1_000_000


class ManualClock:
    """A clock that stands until it is moved; for simulations and tests."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._monotonic_ms = 0

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return self._now_ms

    def monotonic_ms(self) -> int:
        """Milliseconds since the clock was made."""
        return self._monotonic_ms

    def advance(self, by_ms: int) -> None:
        """Lets time pass."""
        if by_ms < 0:
            raise ValueError("a clock moves forward")
        self._now_ms += by_ms
        self._monotonic_ms += by_ms

    def set_back(self, by_ms: int) -> None:
        """Somebody sets the time of day back; no time passes."""
        self._now_ms -= by_ms
