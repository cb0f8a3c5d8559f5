"""Everybody's clock, which is set wrong now and then."""

from __future__ import annotations

from runtime.clock import ManualClock

JUMP_MS = 3 * 60_000
"""So far a clock is set forward or back at most: beyond what others put up with, and within it."""


class Clocks:
    """One clock a party. Time passes for all of them alike; only the time of day may differ."""

    def __init__(self, now_ms: int) -> None:
        self._begun_ms = now_ms
        self._passed_ms = 0
        self._most_ahead_ms = 0
        self._clocks: dict[str, ManualClock] = {}

    def of(self, name: str) -> ManualClock:
        """The clock of a party."""
        if name not in self._clocks:
            self._clocks[name] = ManualClock(self._begun_ms + self._passed_ms)
        return self._clocks[name]

    def now_ms(self, name: str) -> int:
        """The time of day as a party has it."""
        return self.of(name).now_ms()

    def advance(self, by_ms: int) -> None:
        """Lets time pass."""
        self._passed_ms += by_ms
        for clock in self._clocks.values():
            clock.advance(by_ms)

    def jump(self, name: str, by_ms: int) -> None:
        """Somebody sets the time of day of a party, forward or back; no time passes."""
        clock = self.of(name)
        clock.set_back(-by_ms)
        ahead_ms = clock.now_ms() - self._begun_ms - self._passed_ms
        self._most_ahead_ms = max(self._most_ahead_ms, ahead_ms)

    def agree(self) -> None:
        """Every clock is set right; what any had dated ahead is not any more."""
        latest_ms = self._begun_ms + self._passed_ms + self._most_ahead_ms
        for clock in self._clocks.values():
            clock.set_back(clock.now_ms() - latest_ms)
