"""Patience with one peer: few ask it at once, and after a silence it is asked only now and then.

Who waits for a peer that hangs takes something from those who wait for others. So a peer that was
silent, or slow, is asked beside: nobody waits for its answer until it has answered quickly again
some times in a row.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from runtime.clock import Clock

FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 4_000
QUICK_ANSWERS = 3
"""In a row, before a peer that was silent or slow is waited for again."""


class Turn(NamedTuple):
    """Leave to ask once; `Patience.end` gives it back.

    Attributes:
        begun_ms: by the monotonic clock.
        waited_for: whether anybody may wait for the answer.
    """

    begun_ms: int
    waited_for: bool


class Patience:
    """Says when one peer may be asked. Used by many threads.

    Args:
        clock: for the pauses.
        most: how many ask at once; after a silence it is one.
        quick_ms: an answer that takes longer is a slow one.
    """

    def __init__(self, clock: Clock, *, most: int, quick_ms: int) -> None:
        self._clock = clock
        self._most = most
        self._quick_ms = quick_ms
        self._lock = threading.Lock()
        self._asking = 0
        self._silences = 0
        self._silent_at_ms = -1
        self._not_before_ms = 0
        self._owed = 0

    def begin(self) -> Turn | None:
        """Leave to ask, or None while the peer is not to be asked."""
        with self._lock:
            now_ms = self._clock.monotonic_ms()
            most = 1 if self._silences else self._most
            if self._asking >= most or (self._silences and now_ms < self._not_before_ms):
                return None
            self._asking += 1
            return Turn(now_ms, not self._owed)

    def end(self, turn: Turn, *, answered: bool) -> None:
        """The peer has answered, be it with a refusal; or it was silent for too long."""
        with self._lock:
            self._asking -= 1
            now_ms = self._clock.monotonic_ms()
            if answered:
                self._silences = 0
                slow = now_ms - turn.begun_ms > self._quick_ms
                self._owed = QUICK_ANSWERS if slow else max(0, self._owed - 1)
            elif turn.begun_ms >= self._silent_at_ms:
                # Not for those who asked before it was known to be silent.
                pause_ms = min(FIRST_PAUSE_MS << min(self._silences, 8), LONGEST_PAUSE_MS)
                self._silences += 1
                self._silent_at_ms, self._not_before_ms = now_ms, now_ms + pause_ms
                self._owed = QUICK_ANSWERS
