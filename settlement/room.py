"""Tells whether there is room on the disk, before anything new is taken.

A full disk stops a core in the middle of a commit. So new work is turned away while there is still
room for what has to be written: what was settled elsewhere, the projection, and an orderly end.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from sqlalchemy import Engine

EVERY_S = 0.5


class Room:
    """The free space beside an SQLite database; a database server looks after its own."""

    def __init__(self, engine: Engine, *, least_bytes: int) -> None:
        name = engine.url.database
        # A name that is a URI belongs to a shared database in memory.
        there = engine.dialect.name == "sqlite" and name and not name.startswith((":", "file:"))
        self._folder = Path(name).resolve().parent if there and name else None
        self._least = least_bytes
        self._asked = -EVERY_S
        self._short = False

    def is_short(self) -> bool:
        """Whether too little is free; looked up twice a second at most."""
        if self._folder is None:
            return False
        now = time.monotonic()
        if now - self._asked >= EVERY_S:
            self._asked = now
            found = os.statvfs(self._folder)
            self._short = found.f_bavail * found.f_frsize < self._least
        return self._short
