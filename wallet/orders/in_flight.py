"""Marks orders that are on their way by byte locks on a file, which end when the process does.

If an order's outcome is unknown and its lock is free, a command that ended has left it behind. If
its lock is taken, another command is sending it at this moment, and an equal command means a new
order.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

from runtime.private import PRIVATE_FILE


class FileFlights:
    """`wallet.orders.order_book.Flights` for one home."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._mine: set[int] = set()
        self._lock = threading.Lock()

    def take(self, sequence: int) -> bool:
        """Marks an order as on its way by us; returns False if another process or call has it."""
        with self._lock:
            if sequence in self._mine:
                return False
            try:
                fcntl.lockf(self._open(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, sequence)
            except (BlockingIOError, PermissionError):
                return False
            self._mine.add(sequence)
            return True

    def release(self, sequence: int) -> None:
        """Ends the mark."""
        with self._lock:
            if sequence not in self._mine:
                return
            self._mine.remove(sequence)
            fcntl.lockf(self._open(), fcntl.LOCK_UN, 1, sequence)

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
            os.fchmod(self._descriptor, PRIVATE_FILE)
        return self._descriptor
