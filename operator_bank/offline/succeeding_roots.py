"""Knows which roots of offline money a bank trusts: those in its settings, and their successors.

A successor is named by a kept bundle, or brings a trusted root's signature. Once a bundle of the
successor was kept, this bank takes no bundle of its predecessor any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from offline_token.bundle import TrustBundle
from offline_token.formats import KEY_BYTES
from offline_token.roots import heirs, may_follow
from operator_bank.offline.tables import root_successions
from runtime.clock import Clock
from runtime.database import Database
from runtime.logs import logger


class Kept(NamedTuple):
    """A trust bundle: encoded after its root's key, and decoded."""

    encoded: bytes
    bundle: TrustBundle

    @property
    def root(self) -> bytes:
        """The root's key that the bundle came with, 32 bytes."""
        return self.encoded[:KEY_BYTES]


class SucceedingRoots:
    """The roots, in SQL and in memory. Any thread may ask; a writer holds the bundle's lock."""

    def __init__(self, database: Database, listed: Iterable[bytes], clock: Clock) -> None:
        """Reads the successions that were kept before.

        Args:
            database: where they are kept.
            listed: the roots in the settings, where trust begins.
            clock: the time.
        """
        self._listed = frozenset(listed)
        self._clock = clock
        query = select(root_successions.c.successor, root_successions.c.predecessor)
        rows = database.read(lambda c: c.execute(query).all())
        self._before = {bytes(row.successor): bytes(row.predecessor) for row in rows}

    def trusted(self) -> set[bytes]:
        """The roots whose bundles are taken: listed ones and successors that have no successor
        here.
        """
        before = dict(self._before)
        found = set(self._listed)
        while new := {one for one, other in before.items() if other in found} - found:
            found |= new
        return found - {before[one] for one in found if one in before}

    def succession(self, kept: Kept | None, shown: Kept) -> bytes | None:
        """The trusted root that a bundle's root succeeds; None if it succeeds none."""
        now_ms, trusted = self._clock.now_ms(), self.trusted()
        if kept is not None and kept.root != shown.root and kept.root in trusted:
            trusted = {kept.root}  # only the root in use may name its successor
            if shown.root in heirs(kept.bundle, kept.root, now_ms):
                return kept.root
        for root in sorted(trusted - {shown.root}):
            if may_follow(shown.bundle, shown.root, [root], now_ms):
                return root
        return None

    def write(self, connection: Connection, successor: bytes, predecessor: bytes) -> None:
        """Writes a succession, in the transaction that keeps the successor's bundle."""
        same = root_successions.c.successor == successor
        connection.execute(delete(root_successions).where(same))
        row = {
            "successor": successor,
            "predecessor": predecessor,
            "time_ms": self._clock.now_ms(),
        }
        connection.execute(insert(root_successions), row)

    def note(self, successor: bytes, predecessor: bytes) -> None:
        """Lets a succession count from now on; called when it is written."""
        if self._before.get(successor) != predecessor:
            self._before[successor] = predecessor
            logger("trust-bundle").info(
                "a root of offline money has taken over",
                root=successor.hex(),
                before=predecessor.hex(),
            )
