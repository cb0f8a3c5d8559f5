"""What stands in a database, in memory too, and never older there than a change that was made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from sqlalchemy import Connection

from runtime.database import Database

T = TypeVar("T")


class Remembered(Generic[T]):
    """Read at the start and after each change. Any thread may look.

    A change that fails may have been committed all the same, as when the connection breaks in its
    last moment. So after a failure the memory counts no more, and the next look reads anew; while
    that fails too, nobody is told anything.
    """

    def __init__(self, database: Database, read: Callable[[Connection], T]) -> None:
        self._database = database
        self._read = read
        # Who changes something may look at it meanwhile.
        self._changing = threading.RLock()
        self._known: T | None = database.read(read)

    def now(self) -> T:
        """What stands in the database, as of the last change that has ended."""
        known = self._known
        if known is not None:
            return known
        with self._changing:
            if self._known is None:
                self._known = self._database.read(self._read)
            return self._known

    @contextmanager
    def change(self) -> Iterator[None]:
        """One change after another; what it has written is remembered when it ends."""
        with self._changing:
            self.now()  # whoever looks while it is being changed need not wait for that
            try:
                yield
                self._known = self._database.read(self._read)
            except BaseException:
                self._known = None
                raise
