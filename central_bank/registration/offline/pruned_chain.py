"""The chain of what was deleted because of its age: a row for each batch of rows that went.

Whoever has a copy of what went can show it by the digest `gone`. What it came to is in `entries`,
so that the audit goes on comparing it with the journal to the fen (auditor/pruned.py).

`until_ms` of the newest row is a promise: of every token that expired before it the rest has gone
back, so a deposit of it is refused, be there a row of the token or not.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from central_bank.registration.offline.tables import pruned

PIECES, LOSSES, TOKENS = "pieces", "losses", "tokens"
EVIDENCE, REVOCATIONS = "evidence", "revoked"

ENTRIES = {
    PIECES: struct.Struct(">IQQ"),
    LOSSES: struct.Struct(">IIQQ32s16s"),
    TOKENS: struct.Struct(">IQQQ"),
    EVIDENCE: struct.Struct(">32s16sQ32s"),
    REVOCATIONS: struct.Struct(">"),
}
"""Of pieces, by deposit: bank, number, fen that left the float. Of losses, by deposit and where:
bank that bore it, bank, number, fen, the piece, its token. Of tokens, by load: bank, number, fen
registered, fen given back. Of evidence: piece, token, time, digest. Of revocations nothing."""

_HEAD = struct.Struct(">QQQQQ")
"""Of what a digest covers: number, rows, fen, until, time."""
_TAG = b"dcep-pruned/v1\0"


@dataclass(frozen=True)
class Gone:
    """Rows of one table that go.

    Attributes:
        what: one of the keys of `ENTRIES`.
        rows: them, in an order.
        entries: what they came to, as `ENTRIES` says.
        amount_fen: of what left the float, was borne or was registered, all of it.
    """

    what: str
    rows: Sequence[Row[Any]]
    entries: Sequence[tuple[Any, ...]] = ()
    amount_fen: int = 0


def forgotten_before(connection: Connection) -> int:
    """Tokens that expired before this time have ended, in milliseconds; 0 while none has."""
    newest = select(pruned.c.until_ms).order_by(pruned.c.number.desc()).limit(1)
    return int(connection.execute(newest).scalar() or 0)


def append(connection: Connection, gone: Gone, now_ms: int, *, until_ms: int = 0) -> None:
    """Writes down that rows go, in the transaction in which they do.

    Args:
        now_ms: the time by which they are old enough.
        until_ms: a later end of what is forgotten; 0 for the one that there is.
    """
    last = connection.execute(select(pruned).order_by(pruned.c.number.desc()).limit(1)).first()
    number, previous, before_ms = (
        (last.number + 1, bytes(last.digest), last.until_ms) if last else (1, bytes(32), 0)
    )
    layout = ENTRIES[gone.what]
    row = {
        "number": number,
        "what": gone.what,
        "rows": len(gone.rows),
        "amount_fen": gone.amount_fen,
        "gone": digest_of(gone.rows),
        "entries": b"".join(layout.pack(*entry) for entry in gone.entries),
        "until_ms": max(until_ms, before_ms),
        "time_ms": now_ms,
    }
    row["digest"] = link(previous, row)
    connection.execute(insert(pruned).values(row))


def link(previous: bytes, row: dict[str, Any]) -> bytes:
    """The digest of a row of `pruned` and the one before."""
    head = _HEAD.pack(*(row[n] for n in ("number", "rows", "amount_fen", "until_ms", "time_ms")))
    what = row["what"].encode().ljust(16, b"\0")
    return hashlib.sha256(_TAG + previous + head + what + row["gone"] + row["entries"]).digest()


def digest_of(rows: Iterable[Iterable[Any]]) -> bytes:
    """Over rows in their order, each field with its length: whoever has a copy can show it."""
    digest = hashlib.sha256()
    for row in rows:
        for value in row:
            digest.update(_field(value))
    return digest.digest()


def _field(value: Any) -> bytes:
    if isinstance(value, str):
        value = value.encode()
    field = bytes(value) if isinstance(value, bytes | memoryview) else b"%d" % value
    return struct.pack(">I", len(field)) + field
