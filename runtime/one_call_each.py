"""Lets one call at a time work on each thing, in the order in which they came; calls that share
nothing run together.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Set
from contextlib import contextmanager


class _Call:
    """A call that works on things, or waits for them.

    Attributes:
        things: what it works on.
        behind: how many earlier calls there are with some of these.
        after: later ones, that wait for this one.
        free: set as soon as it waits for none.
    """

    __slots__ = ("after", "behind", "free", "things")

    def __init__(self, things: Set[Hashable]) -> None:
        self.things = things
        self.behind = 0
        self.after: list[_Call] = []
        self.free = threading.Event()


class OneCallEach:
    """Lets a call in when no earlier call works on any of its things, or waits for one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[_Call, None] = {}
        """Those that work or wait, in the order in which they came."""

    @contextmanager
    def holding(self, things: Set[Hashable]) -> Iterator[None]:
        """Waits until all of these are free, and holds them while the ``with`` block runs.

        A call takes its places behind all others at once, so no two calls can wait for each other.
        If a thing is one that strangers can name, hold one of the caller's own first: then each
        caller has one place at a time in its line. The things must not change meanwhile.
        """
        call = _Call(things)
        with self._lock:
            for earlier in self._calls:
                if not earlier.things.isdisjoint(things):
                    earlier.after.append(call)
                    call.behind += 1
            self._calls[call] = None
        try:
            if call.behind:
                call.free.wait()
            yield
        finally:
            self._leave(call)

    def _leave(self, call: _Call) -> None:
        with self._lock:
            del self._calls[call]
            for later in call.after:
                later.behind -= 1
                if not later.behind:
                    later.free.set()
