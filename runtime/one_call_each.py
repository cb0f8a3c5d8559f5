"""Lets one call at a time work on each thing, in the order in which they came; calls that share
nothing run together.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable, Iterator, Set
from contextlib import contextmanager


class _Call:
    """A call that works on things, or waits for them.

    Attributes:
        behind: on how many of them an earlier call works or waits.
        free: set as soon as there is none.
    """

    __slots__ = ("behind", "free")

    def __init__(self) -> None:
        self.behind = 0
        self.free = threading.Event()


class OneCallEach:
    """Lets a call in when no earlier call works on any of its things, or waits for one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[Hashable, deque[_Call]] = {}
        """By thing, the call that works on it, and behind it those that wait."""

    @contextmanager
    def holding(self, things: Set[Hashable]) -> Iterator[None]:
        """Waits until all of these are free, and holds them while the ``with`` block runs.

        A call takes its places in all lines at once, so no two calls can wait for each other. If a
        thing is one that strangers can name, hold one of the caller's own first: then each caller
        has one place at a time in its line.
        """
        call = _Call()
        with self._lock:
            for thing in things:
                line = self._lines.setdefault(thing, deque())
                call.behind += bool(line)
                line.append(call)
        try:
            if call.behind:
                call.free.wait()
            yield
        finally:
            self._leave(call, things)

    def _leave(self, call: _Call, things: Set[Hashable]) -> None:
        with self._lock:
            for thing in things:
                line = self._lines[thing]
                was_first = line[0] is call
                line.remove(call)
                if not line:
                    del self._lines[thing]
                elif was_first:
                    line[0].behind -= 1
                    if not line[0].behind:
                        line[0].free.set()
