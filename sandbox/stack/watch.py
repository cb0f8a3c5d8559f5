"""Who starts a service again when it ends: one command for each service, by a lock on a file.

The right ends with the command that has it, however that ends; the next one that looks takes it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.private import PRIVATE_FILE, make_private


class Watch:
    """The services of a stack that this command starts again."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder of the services' logs, which no copy of a stack brings along."""
        self._folder = folder
        self._held: dict[str, int] = {}

    def has(self, name: str) -> bool:
        """Whether a service is looked after from here, from now on; False while another does."""
        if name in self._held:
            return True
        make_private(self._folder)
        path = self._folder / f"{name}.watched"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held[name] = descriptor
        return True

    def end(self) -> None:
        """Others may look after all of them."""
        while self._held:
            os.close(self._held.popitem()[1])


@contextmanager
def one_starter(folder: Path, name: str) -> Iterator[None]:
    """Of several commands that would start a service, one after another looks and starts it.

    Takes the folder of the services' logs, as `Watch` does.
    """
    make_private(folder)
    path = folder / f"{name}.starting"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
