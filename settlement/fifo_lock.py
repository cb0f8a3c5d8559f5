"""A lock that goes to whoever has waited for it longest.

One of `threading` goes to whoever asks at the right moment, often the thread that has just given
it back: who takes it again and again keeps out those who wait.
"""

from __future__ import annotations

import threading
from collections import deque


class FifoLock:
    """Held while a ``with`` block runs, by one thread, in the order in which they came."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._held = False
        self._line: deque[threading.Lock] = deque()

    def waiting(self) -> int:
        """How many threads wait for it."""
        return len(self._line)

    def __enter__(self) -> None:
        with self._changing:
            if not self._held:
                self._held = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._line.append(turn)
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._changing:
            if self._line:
                self._line.popleft().release()
            else:
                self._held = False
