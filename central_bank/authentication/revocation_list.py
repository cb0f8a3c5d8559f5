"""Keeps what a trust bundle says of revoked devices: the newest by name, the others in a filter.

The list grows with each revocation. A filter holds everything that was revoked when it was made. It
is made anew before a device that it lacks would leave the list, and when it lacks half of the list.
So devices seldom fetch a filter, and a newer list fits the filter that they have.
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
    """What a bundle says of revoked devices; the fields are those of `TrustBundle`."""

    revoked: tuple[bytes, ...]
    since_time_ms: int
    filter: bytes


class RevocationList:
    """The revoked devices. Any thread may ask."""

    def __init__(self, database: Database, clock: Clock, randomness: Randomness) -> None:
        """Reads the newest revocations."""
        self._database = database
        self._clock = clock
        self._randomness = randomness
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._filter = b""
        self._covered: frozenset[bytes] = frozenset()
        found = self._newest(MAX_LISTED + 1)
        self._listed = dict(reversed(found[:MAX_LISTED]))
        """Name and time of the newest revocations, oldest first."""
        self._since_ms = found[MAX_LISTED][1] + 1 if len(found) > MAX_LISTED else 0
        self._pushed_out = int(bool(self._since_ms))
        self._made_up_for = 0
        """With `_pushed_out`: how often a device that the filter lacks had left the list, now and
        when the filter was made."""
        self._latest_ms = found[0][1] if found else 0
        self._changes = 0
        self._given_ms = self._latest_ms
        self._begun: set[int] = set()
        """Times of revocations that have begun and are not noted yet."""

    def note(self, names: Iterable[bytes], time_ms: int) -> None:
        """Notes devices that are revoked as well, and written down.

        Args:
            names: what `Certificate.revocation` gives, 32 bytes each.
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
        """A context for revoking and noting devices; gives the time of the revocation.

        It is later than the time of any revocation that began before, whatever the clock says.
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
        """A time after everything that has been noted, and before everything else, even if it has
        begun.
        """
        with self._lock:
            return min([self._latest_ms + 1, *(begun_ms - 1 for begun_ms in self._begun)])

    def changes(self) -> int:
        """A number that is another one after something was revoked."""
        with self._lock:
            return self._changes

    def now(self, most_bytes: int) -> Listed:
        """What a bundle says now.

        Args:
            most_bytes: how long the filter may be.
        """
        while True:
            with self._lock:
                incomplete = self._pushed_out != self._made_up_for or len(self._filter) > most_bytes
                fresh = sum(each not in self._covered for each in self._listed)
                due = incomplete or (bool(self._filter) and fresh > MAX_LISTED // 2)
                said = Listed(tuple(self._listed), self._since_ms, self._filter)
            # One thread makes a filter. The others go on with the one before, if that is still
            # complete.
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
        """The revocations that a filter has room for.

        First come all devices that officers named. Then come the newest revocations of each bank,
        as many of one bank as of another while there is room. A revocation is left out if it is so
        old that no certificate of the device can be good, and many were revoked since.
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
