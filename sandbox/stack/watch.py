"""Decides which command restarts a service when it ends: the one that has a lock on a file.

The lock ends with its command, however that ends; the next command that tries gets it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.private import PRIVATE_FILE, make_private


class Watch:
    """The services of a stack that this command restarts."""

    def __init__(self, folder: Path) -> None:
        """Begins with none.

        Args:
            folder: of the services' logs, which are in no copy of a stack.
        """
        self._folder = folder
        self._held: dict[str, int] = {}

    def has(self, name: str) -> bool:
        """Takes a service if no other command has it; whether this command has it now."""
        if name in self._held:
            return True
        make_private(self._folder)
        path = _file(self._folder, name)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held[name] = descriptor
        return True

    def end(self) -> None:
        """Gives all of them up, so that other commands may take them."""
        while self._held:
            os.close(self._held.popitem()[1])


def watched(folder: Path, name: str) -> bool:
    """Whether some process restarts a service when it ends.

    Args:
        folder: as for `Watch`.
        name: the service's.
    """
    path = _file(folder, name)
    if not path.exists():
        return False
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.watched"


@contextmanager
def one_starter(folder: Path, name: str) -> Iterator[None]:
    """Lets one command at a time look whether a service runs, and start it.

    Args:
        folder: as for `Watch`.
        name: the service's.
    """
    make_private(folder)
    path = folder / f"{name}.starting"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
