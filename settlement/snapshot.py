"""Snapshots of the whole state as of a position; a recovery replays only what came after one."""

from __future__ import annotations

import hashlib
import io
import logging
import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, Row, delete, func, insert, select

from settlement.journal import Journal, JournalBroken, Tip
from settlement.limits import SNAPSHOT_PART_BYTES
from settlement.rule import RULE_VERSION
from settlement.state import LayoutError, State
from settlement.tables import JournalTables
from settlement.writing import Writing

_PARTS = ("accounts", "policies", "holds", "free", "counters")
_HEADER = struct.Struct("<8sI")
_MAGIC = b"dcepsnap"
_KEPT = 2
"""How many snapshots are kept: when the newest cannot be used there is still another."""

_log = logging.getLogger(__name__)


class SnapshotUnusable(ValueError):
    """A snapshot that is incomplete, was changed, or was written by another version of the core."""


def dump(state: State) -> Iterator[bytes]:
    """Yields a state in parts: a header, then NumPy arrays one after another, no pickles."""
    yield _HEADER.pack(_MAGIC, RULE_VERSION)
    for name in _PARTS:
        array = getattr(state, name)
        header = io.BytesIO()
        np.lib.format.write_array_header_2_0(
            header, np.lib.format.header_data_from_array_1_0(array)
        )
        yield header.getvalue()
        content = (
            memoryview(array).cast("B") if array.dtype.names is None else array.view("u1").data
        )
        for start in range(0, len(content), SNAPSHOT_PART_BYTES):
            yield bytes(content[start : start + SNAPSHOT_PART_BYTES])


def load(body: bytes) -> State:
    """The reverse of `dump`.

    Raises:
        SnapshotUnusable: `dump` did not write it, or that of another rule version or layout did.
    """
    try:
        magic, rule_version = _HEADER.unpack_from(body)
        if magic != _MAGIC:
            raise SnapshotUnusable("it does not begin as a snapshot does")
        if rule_version != RULE_VERSION:
            raise SnapshotUnusable(f"it is of rule version {rule_version}, not {RULE_VERSION}")
        source = io.BytesIO(body)
        source.seek(_HEADER.size)
        arrays = [_next(source, body) for _ in _PARTS]
        # The state makes its own copy of the accounts.
        return State(arrays[0], *(array.copy() for array in arrays[1:]))
    except LayoutError as error:
        raise SnapshotUnusable(f"it is of another layout: {error}") from error
    except (struct.error, EOFError, TypeError, ValueError) as error:
        raise SnapshotUnusable(f"it cannot be read: {error}") from error


def _next(source: io.BytesIO, body: bytes) -> NDArray[Any]:
    """The array at the source's place in a body, not copied; moves the source behind it."""
    np.lib.format.read_magic(source)
    shape, _, dtype = np.lib.format.read_array_header_2_0(source)
    array = np.frombuffer(body, dtype, math.prod(shape), source.tell()).reshape(shape)
    source.seek(array.nbytes, io.SEEK_CUR)
    return array


class Snapshots:
    """The snapshots in a database; the newest two are kept."""

    def __init__(
        self, engine: Engine, tables: JournalTables, writing: Writing | None = None
    ) -> None:
        self._engine = engine
        self._writing = writing if writing is not None else Writing(engine)
        self._snapshot = tables.snapshot
        self._parts = tables.snapshot_parts

    def save(self, tip: Tip, state: State) -> None:
        """Writes a state part by part; the snapshot counts only once its own row is written.

        Save one at a time: it deletes the parts of any other that is not complete.

        Raises:
            SnapshotUnusable: parts of it are missing, so it was not completed.
        """
        parts, snapshot = self._parts, self._snapshot
        found = hashlib.sha256()
        with self._writing.begin() as connection:
            # Left by one that was not finished, or by one at this position that cannot be used.
            connection.execute(delete(snapshot).where(snapshot.c.position == tip.position))
            counted = select(snapshot.c.position)
            connection.execute(delete(parts).where(parts.c.position.not_in(counted)))
        number = 0
        for body in dump(state):
            found.update(body)
            row = {"position": tip.position, "part": number, "body": body}
            with self._writing.begin() as connection:
                connection.execute(insert(parts), row)
            number += 1
        self._complete(tip, number, found.digest())

    def _complete(self, tip: Tip, number: int, body_hash: bytes) -> None:
        """Writes the row of a snapshot whose parts are all there, and deletes older snapshots."""
        parts, snapshot = self._parts, self._snapshot
        with self._writing.begin() as connection:
            written = select(func.count()).where(parts.c.position == tip.position)
            if connection.execute(written).scalar() != number:
                raise SnapshotUnusable(f"position {tip.position}: its parts were taken away")
            row = {"position": tip.position, "seq": tip.seq, "hash": tip.hash}
            connection.execute(insert(snapshot), {**row, "body_hash": body_hash})
            newest = select(snapshot.c.position).order_by(snapshot.c.position.desc())
            kept = connection.execute(newest.limit(_KEPT)).scalars().all()
            connection.execute(delete(snapshot).where(snapshot.c.position.not_in(kept)))
            connection.execute(delete(parts).where(parts.c.position.not_in(kept)))

    def body(self, position: int) -> Iterator[bytes]:
        """The parts of the snapshot at a position, in order."""
        parts = self._parts
        query = select(parts.c.body).where(parts.c.position == position).order_by(parts.c.part)
        with self._engine.connect() as connection:
            for body in connection.execution_options(yield_per=16).execute(query).scalars():
                yield bytes(body)

    def newest(self, journal: Journal) -> tuple[State, Tip]:
        """The newest snapshot that can be used, or an empty state at the journal's start.

        A snapshot that is incomplete, was changed, has another rule version or layout, or is not of
        this journal is passed over with a warning: replaying the journal leads to the same state,
        it only takes longer.

        Raises:
            JournalBroken: no snapshot can be used, and the journal has lost its first rows.
        """
        query = select(self._snapshot).order_by(self._snapshot.c.position.desc())
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        passed_over: list[str] = []
        for row in rows:
            tip = Tip(row.seq, row.position, bytes(row.hash))
            try:
                return self._usable(row, tip, journal), tip
            except SnapshotUnusable as error:
                where = f"table snapshot, row position={row.position}: {error}"
                passed_over.append(where)
                _log.warning("passed over %s", where)
        if passed_over and not journal.is_whole():
            raise JournalBroken(
                "no snapshot can be used, and table journal does not begin with row seq=1: "
                + "; ".join(passed_over)
            )
        return State.empty(), Tip()

    def _usable(self, row: Row[Any], tip: Tip, journal: Journal) -> State:
        if not journal.holds(tip):
            raise SnapshotUnusable(f"table journal has no such row seq={tip.seq}")
        body = b"".join(self.body(row.position))
        if hashlib.sha256(body).digest() != bytes(row.body_hash):
            raise SnapshotUnusable("its parts were changed, or some are missing")
        return load(body)
