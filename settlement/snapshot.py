"""Snapshots: the whole state as of a position, so that recovery replays only what came after."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, delete, insert, select

from settlement.journal import JournalBroken, Tip
from settlement.limits import SNAPSHOT_PART_BYTES
from settlement.state import State
from settlement.tables import JournalTables
from settlement.writing import Writing

_PARTS = ("accounts", "policies", "holds", "free", "counters")


def dump(state: State) -> Iterator[bytes]:
    """A state in parts: NumPy arrays one after another, nothing executable."""
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
    """The reverse of `dump`."""
    source = io.BytesIO(body)
    arrays = [_next(source, body) for _ in _PARTS]
    # The state makes its own copy of the accounts.
    return State(arrays[0], *(array.copy() for array in arrays[1:]))


def _next(source: io.BytesIO, body: bytes) -> NDArray[Any]:
    """The array at the source's place in a body, not copied. Passes it."""
    np.lib.format.read_magic(source)
    shape, _, dtype = np.lib.format.read_array_header_2_0(source)
    array = np.frombuffer(body, dtype, math.prod(shape), source.tell()).reshape(shape)
    source.seek(array.nbytes, io.SEEK_CUR)
    return array


class Snapshots:
    """The snapshots of a database; only the newest is kept."""

    def __init__(
        self, engine: Engine, tables: JournalTables, writing: Writing | None = None
    ) -> None:
        self._engine = engine
        self._writing = writing if writing is not None else Writing(engine)
        self._snapshot = tables.snapshot
        self._parts = tables.snapshot_parts

    def save(self, tip: Tip, state: State) -> None:
        """Writes a state part by part; it counts only once its last row is there."""
        parts, snapshot = self._parts, self._snapshot
        found = hashlib.sha256()
        with self._writing.begin() as connection:
            # Parts of one that was not finished.
            counted = select(snapshot.c.position)
            connection.execute(delete(parts).where(parts.c.position.not_in(counted)))
        for number, body in enumerate(dump(state)):
            found.update(body)
            row = {"position": tip.position, "part": number, "body": body}
            with self._writing.begin() as connection:
                connection.execute(insert(parts), row)
        row = {"position": tip.position, "seq": tip.seq, "hash": tip.hash}
        with self._writing.begin() as connection:
            connection.execute(delete(snapshot).where(snapshot.c.position < tip.position))
            connection.execute(delete(parts).where(parts.c.position < tip.position))
            connection.execute(insert(snapshot), {**row, "body_hash": found.digest()})

    def body(self, position: int) -> Iterator[bytes]:
        """The parts of the snapshot at a position, in order."""
        parts = self._parts
        query = select(parts.c.body).where(parts.c.position == position).order_by(parts.c.part)
        with self._engine.connect() as connection:
            for body in connection.execution_options(yield_per=16).execute(query).scalars():
                yield bytes(body)

    def newest(self) -> tuple[State, Tip]:
        """The newest snapshot, or an empty state at the start of the journal.

        Raises:
            JournalBroken: the snapshot's parts do not fit its hash.
        """
        query = select(self._snapshot).order_by(self._snapshot.c.position.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            return State.empty(), Tip()
        body = b"".join(self.body(row.position))
        if hashlib.sha256(body).digest() != bytes(row.body_hash):
            raise JournalBroken(f"table snapshot, row position={row.position}: changed")
        return load(body), Tip(row.seq, row.position, bytes(row.hash))
