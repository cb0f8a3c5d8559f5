"""Whether there is room on the disk: asked before anything new is taken.

A database whose disk is full stops its core in the middle of a commit. So who wants something new
is turned away while there is still room for what has to be written down: what was settled
elsewhere, the projection, the end.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from sqlalchemy import Engine

_EVERY_S = 0.5


class Room:
    """The file system of an SQLite database; that of a server is the server's."""

    def __init__(self, engine: Engine, *, least_bytes: int) -> None:
        name = engine.url.database
        # A URI is how a database in memory is shared.
        there = engine.dialect.name == "sqlite" and name and not name.startswith((":", "file:"))
        self._folder = Path(name).resolve().parent if there and name else None
        self._least = least_bytes
        self._asked = -_EVERY_S
        self._short = False

    def is_short(self) -> bool:
        """Whether less is free than has to be; looked up a few times a second at most."""
        if self._folder is None:
            return False
        now = time.monotonic()
        if now - self._asked >= _EVERY_S:
            self._asked = now
            found = os.statvfs(self._folder)
            self._short = found.f_bavail * found.f_frsize < self._least
        return self._short
