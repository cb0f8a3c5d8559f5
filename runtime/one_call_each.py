"""Things of which each is worked at by one call at a time; calls that share none go on together."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class OneCallEach:
    """Lets a call in when nothing of what it brings is worked at by a call before it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: set[Hashable] = set()

    @contextmanager
    def holding(self, things: set[Hashable]) -> Iterator[None]:
        """Waits until all of these are free, and has them while the ``with`` block runs.

        They are taken all together, so that no two calls wait for each other. In no order: whoever
        is kept waiting must only be so by calls of its own.
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
