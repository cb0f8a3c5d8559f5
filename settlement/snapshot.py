"""Snapshots: the whole state as of a position, so that recovery replays only what came after."""

from __future__ import annotations

import hashlib
import io

import numpy as np
from sqlalchemy import Connection, Engine, delete, insert, select

from settlement.journal import JournalBroken, Tip
from settlement.state import State
from settlement.tables import JournalTables

_PARTS = ("accounts", "policies", "holds", "free", "counters")


def dump(state: State) -> bytes:
    """A state as bytes: NumPy arrays one after another, nothing executable."""
    out = io.BytesIO()
    for part in _PARTS:
        np.save(out, getattr(state, part), allow_pickle=False)
    return out.getvalue()


def load(body: bytes) -> State:
    """The reverse of `dump`."""
    source = io.BytesIO(body)
    return State(*(np.load(source, allow_pickle=False) for _ in _PARTS))


def save_snapshot(connection: Connection, tables: JournalTables, tip: Tip, body: bytes) -> None:
    """Keeps this snapshot and drops those before it."""
    table = tables.snapshot
    connection.execute(delete(table).where(table.c.position <= tip.position))
    connection.execute(
        insert(table),
        {
            "position": tip.position,
            "seq": tip.seq,
            "hash": tip.hash,
            "body_hash": hashlib.sha256(body).digest(),
            "body": body,
        },
    )


def newest_snapshot(engine: Engine, tables: JournalTables) -> tuple[State, Tip]:
    """The newest snapshot, or an empty state at the start of the journal.

    Raises:
        JournalBroken: the snapshot's body does not fit its hash.
    """
    table = tables.snapshot
    with engine.connect() as connection:
        query = select(table).order_by(table.c.position.desc()).limit(1)
        row = connection.execute(query).first()
    if row is None:
        return State.empty(), Tip()
    body = bytes(row.body)
    if hashlib.sha256(body).digest() != bytes(row.body_hash):
        raise JournalBroken(f"table snapshot, row position={row.position}: changed")
    return load(body), Tip(row.seq, row.position, bytes(row.hash))
