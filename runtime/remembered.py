"""Keeps in memory what a database holds, and never answers from before the last change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from sqlalchemy import Connection

from runtime.database import Database

T = TypeVar("T")


class Remembered(Generic[T]):
    """A value read from a database, at the start and after each change. Any thread may ask for it.

    A change that fails may have been committed all the same, for example when the connection breaks
    at the last moment. So after a failure the value in memory is dropped, and the next question
    reads it again. While that fails too, questions get the error.
    """

    def __init__(self, database: Database, read: Callable[[Connection], T]) -> None:
        """Reads the value.

        Args:
            database: where it is.
            read: how to read it; must not give None.
        """
        self._database = database
        self._read = read
        # Reentrant: the thread that changes something may ask for it meanwhile.
        self._changing = threading.RLock()
        self._known: T | None = database.read(read)

    def now(self) -> T:
        """The value as of the last change that has ended."""
        known = self._known
        if known is not None:
            return known
        with self._changing:
            if self._known is None:
                self._known = self._database.read(self._read)
            return self._known

    @contextmanager
    def change(self) -> Iterator[None]:
        """Held around one change at a time; reads the value again when the change ends."""
        with self._changing:
            self.now()  # so that other threads need not wait for the change to end
            try:
                yield
                self._known = self._database.read(self._read)
            except BaseException:
                self._known = None
                raise
