"""What a trust bundle says of revoked devices: the last ones by name, the others in a filter.

The list grows with each revocation. A filter holds everything that was revoked when it was made,
and is made anew before the list would push out what is not in it, or when half of the list is not:
so devices fetch it seldom, and a newer list goes with the filter that they have.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import case, func, select

from central_bank.authentication.tables import revoked_devices
from central_bank.limits import MAX_REVOKED, REVOKED_ANYHOW, REVOKED_KEPT_MS
from offline_token.limits import MAX_LISTED
from offline_token.revoked_filter import bits_within, build_filter
from runtime.clock import Clock
from runtime.database import Database
from runtime.logs import logger
from runtime.randomness import Randomness


class Listed(NamedTuple):
    """As `TrustBundle` has them."""

    revoked: tuple[bytes, ...]
    since_time_ms: int
    filter: bytes


class RevocationList:
    """Knows what is revoked. Any thread may ask."""

    def __init__(self, database: Database, clock: Clock, randomness: Randomness) -> None:
        """Reads what was revoked last."""
        self._database = database
        self._clock = clock
        self._randomness = randomness
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._filter = b""
        self._covered: frozenset[bytes] = frozenset()
        found = self._newest(MAX_LISTED + 1)
        self._listed = dict(reversed(found[:MAX_LISTED]))
        """Name and time of the last ones, the oldest first."""
        self._since_ms = found[MAX_LISTED][1] + 1 if len(found) > MAX_LISTED else 0
        self._pushed_out = int(bool(self._since_ms))
        self._made_up_for = 0
        """How often something left the list that the filter lacks, and how often up to the last."""
        self._latest_ms = found[0][1] if found else 0
        self._changes = 0
        self._given_ms = self._latest_ms
        self._begun: set[int] = set()
        """Times of what is being revoked, and is not noted yet."""

    def note(self, names: Iterable[bytes], time_ms: int) -> None:
        """These are revoked as well, and written down.

        Args:
            names: what `Certificate.revocation` says.
            time_ms: as `revoking` gave it.
        """
        with self._lock:
            self._changes += 1
            for name in names:
                self._listed.setdefault(name, time_ms)
            self._latest_ms = max(self._latest_ms, time_ms)
            while len(self._listed) > MAX_LISTED:
                oldest = min(self._listed, key=self._listed.__getitem__)
                self._since_ms = max(self._since_ms, self._listed.pop(oldest) + 1)
                self._pushed_out += oldest not in self._covered

    @contextmanager
    def revoking(self) -> Iterator[int]:
        """Around what is revoked and noted; gives its time.

        It is later than that of anything that began before, whatever the clock says.
        """
        with self._lock:
            self._given_ms = time_ms = max(self._clock.now_ms(), self._given_ms + 2)
            self._begun.add(time_ms)
        try:
            yield time_ms
        finally:
            with self._lock:
                self._begun.discard(time_ms)

    def cleared_time_ms(self) -> int:
        """After everything that has been noted, before everything else, be it begun already."""
        with self._lock:
            return min([self._latest_ms + 1, *(begun_ms - 1 for begun_ms in self._begun)])

    def changes(self) -> int:
        """Another one once something was revoked."""
        with self._lock:
            return self._changes

    def now(self, most_bytes: int) -> Listed:
        """What a bundle says now.

        Args:
            most_bytes: of the filter.
        """
        while True:
            with self._lock:
                incomplete = self._pushed_out != self._made_up_for or len(self._filter) > most_bytes
                fresh = sum(each not in self._covered for each in self._listed)
                due = incomplete or (bool(self._filter) and fresh > MAX_LISTED // 2)
                said = Listed(tuple(self._listed), self._since_ms, self._filter)
            # One thread makes a filter; the others go on with the one before while it will do.
            if not due or not self._building.acquire(blocking=incomplete):
                return said
            try:
                if self._filter == said.filter:
                    self._make(most_bytes)
            finally:
                self._building.release()

    def _make(self, most_bytes: int) -> None:
        with self._lock:
            pushed_out, listed = self._pushed_out, frozenset(self._listed)
        names = self.ranked(MAX_REVOKED)
        bits = bits_within(len(names), most_bytes)
        while not bits:
            names = names[: len(names) // 2]
            bits = bits_within(len(names), most_bytes)
        made = build_filter(names, bits, self._randomness.bytes).encode()
        with self._lock:
            self._filter, self._covered = made, listed.union(names)
            self._made_up_for = pushed_out
        logger("trust-bundle").info(
            "a filter of revoked devices was made", devices=len(names), bits=bits, bytes=len(made)
        )

    def ranked(self, most: int) -> list[bytes]:
        """What a filter has room for.

        All devices that officers named, and of each bank's those that were revoked last, as many
        of one bank's as of another's while there is room. What was revoked so long ago that no
        certificate of it can be good is left out, where many were revoked since.
        """
        of = revoked_devices.c
        newest = (of.time_ms.desc(), of.revocation)
        share = (of.by_officer, case((of.by_officer == 1, 0), else_=of.bank))
        place = func.row_number().over(partition_by=share, order_by=newest).label("place")
        age = func.row_number().over(order_by=newest).label("age")
        columns = (of.revocation, of.time_ms, of.by_officer, place, age)
        from_ms = self._clock.now_ms() - REVOKED_KEPT_MS
        ranked = select(*columns).subquery().c
        wanted = (
            select(ranked.revocation)
            .where(
                (ranked.by_officer == 1)
                | (ranked.time_ms >= from_ms)
                | (ranked.age <= REVOKED_ANYHOW)
            )
            .order_by(
                ranked.by_officer.desc(), ranked.place, ranked.time_ms.desc(), ranked.revocation
            )
            .limit(most)
        )
        found = self._database.read(lambda c: c.execute(wanted).scalars().all())
        return [bytes(each) for each in found]

    def _newest(self, most: int) -> list[tuple[bytes, int]]:
        of = revoked_devices.c
        query = select(of.revocation, of.time_ms).order_by(of.time_ms.desc(), of.revocation)
        rows = self._database.read(lambda c: c.execute(query.limit(most)).all())
        return [(bytes(row.revocation), int(row.time_ms)) for row in rows]
