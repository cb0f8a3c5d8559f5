"""Which roots of offline money a bank trusts: those in its settings, and what took over from them.

A successor is one that a kept bundle lists, or that comes with what a trusted root has signed of
it. Once a bundle of it was kept, the one before signs no bundle for this bank any more.
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
    """A bundle as it came, behind the root's key, and as it reads."""

    encoded: bytes
    bundle: TrustBundle

    @property
    def root(self) -> bytes:
        """The key of the root that signed it, as it says itself."""
        return self.encoded[:KEY_BYTES]


class SucceedingRoots:
    """The roots, in SQL and in memory. Any thread may ask; who writes holds the bundle's lock."""

    def __init__(self, database: Database, listed: Iterable[bytes], clock: Clock) -> None:
        """Reads what took over before.

        Args:
            listed: in the settings, where trust begins.
        """
        self._listed = frozenset(listed)
        self._clock = clock
        query = select(root_successions.c.successor, root_successions.c.predecessor)
        rows = database.read(lambda c: c.execute(query).all())
        self._before = {bytes(row.successor): bytes(row.predecessor) for row in rows}

    def trusted(self) -> set[bytes]:
        """Whose bundles are taken: those that are listed or succeed, and have no successor here."""
        before = dict(self._before)
        found = set(self._listed)
        while new := {one for one, other in before.items() if other in found} - found:
            found |= new
        return found - {before[one] for one in found if one in before}

    def succession(self, kept: Kept | None, shown: Kept) -> bytes | None:
        """The trusted root from which the root of a bundle takes over; None when it does not."""
        now_ms, trusted = self._clock.now_ms(), self.trusted()
        if kept is not None and kept.root != shown.root and kept.root in trusted:
            trusted = {kept.root}  # the one in use first: what it says of its successor counts
            if shown.root in heirs(kept.bundle, kept.root, now_ms):
                return kept.root
        for root in sorted(trusted - {shown.root}):
            if may_follow(shown.bundle, shown.root, [root], now_ms):
                return root
        return None

    def write(self, connection: Connection, successor: bytes, predecessor: bytes) -> None:
        """Writes a succession down, within the transaction that keeps the successor's bundle."""
        same = root_successions.c.successor == successor
        connection.execute(delete(root_successions).where(same))
        row = {
            "successor": successor,
            "predecessor": predecessor,
            "time_ms": self._clock.now_ms(),
        }
        connection.execute(insert(root_successions), row)

    def note(self, successor: bytes, predecessor: bytes) -> None:
        """What was written counts from now on."""
        if self._before.get(successor) != predecessor:
            self._before[successor] = predecessor
            logger("trust-bundle").info(
                "a root of offline money has taken over",
                root=successor.hex(),
                before=predecessor.hex(),
            )
