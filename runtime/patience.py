"""Decides when one peer may be asked: by few at once, and after a silence only now and then.

A call that waits for a peer that hangs takes a thread from calls to other peers. So after a peer
was silent or slow nobody waits for its answers, until it has answered quickly a few times in a row.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from runtime.clock import Clock

FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 4_000
QUICK_ANSWERS = 3
"""How many in a row it takes before a peer that was silent or slow is waited for again."""


class Turn(NamedTuple):
    """A permission to ask once; give it back with `Patience.end`.

    Attributes:
        begun_ms: when it was given, by the monotonic clock.
        waited_for: whether a call may wait for the answer.
    """

    begun_ms: int
    waited_for: bool


class Patience:
    """Says when one peer may be asked. Used by many threads.

    Args:
        clock: measures the pauses.
        most: how many may ask at once; after a silence it is one.
        quick_ms: an answer that takes longer than this is slow.
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
        """Gives permission to ask; None while the peer is not to be asked."""
        with self._lock:
            now_ms = self._clock.monotonic_ms()
            most = 1 if self._silences else self._most
            if self._asking >= most or (self._silences and now_ms < self._not_before_ms):
                return None
            self._asking += 1
            return Turn(now_ms, not self._owed)

    def end(self, turn: Turn, *, answered: bool) -> None:
        """Gives a permission back.

        Args:
            turn: from `begin`.
            answered: whether the peer answered, even with a refusal; False: it was silent too long.
        """
        with self._lock:
            self._asking -= 1
            now_ms = self._clock.monotonic_ms()
            if answered:
                self._silences = 0
                slow = now_ms - turn.begun_ms > self._quick_ms
                self._owed = QUICK_ANSWERS if slow else max(0, self._owed - 1)
            elif turn.begun_ms >= self._silent_at_ms:
                # Those who asked before the last silence was known do not count as another.
                pause_ms = min(FIRST_PAUSE_MS << min(self._silences, 8), LONGEST_PAUSE_MS)
                self._silences += 1
                self._silent_at_ms, self._not_before_ms = now_ms, now_ms + pause_ms
                self._owed = QUICK_ANSWERS
