"""Lets one call at a time work on each thing; calls that share nothing run together."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class OneCallEach:
    """Lets a call in when no other call is working on any of its things."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: set[Hashable] = set()

    @contextmanager
    def holding(self, things: set[Hashable]) -> Iterator[None]:
        """Waits until all of these are free, and holds them while the ``with`` block runs.

        They are taken all at once, so no two calls can wait for each other. Waiting calls are let
        in in no order, so a thing should be one that only calls of the same caller compete for.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._taken.isdisjoint(things))
            self._taken |= things
        try:
            yield
        finally:
            with self._changed:
                self._taken -= things
                self._changed.notify_all()
