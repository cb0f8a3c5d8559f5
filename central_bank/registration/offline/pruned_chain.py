"""Keeps a hash chain of what was deleted because of its age, with a row for each deleted batch.

Whoever has a copy of the deleted rows can prove it by the digest `gone`. Their sums are in
`entries`, so that the audit can still compare them with the journal to the fen (auditor/pruned.py).

`until_ms` of the newest row is a promise: what was left of every token that expired before then has
gone back. So a deposit of such a token is refused, whether its row is there or not.
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

Field = str | bytes | memoryview | int
"""What a column may hold."""

ENTRIES = {
    PIECES: struct.Struct(">IQQ"),
    LOSSES: struct.Struct(">IIQQ32s16s"),
    TOKENS: struct.Struct(">IQQQ"),
    EVIDENCE: struct.Struct(">32s16sQ32s"),
    REVOCATIONS: struct.Struct(">"),
}
"""What is kept of deleted rows. Of pieces, for each deposit: bank, number, fen that left the float.
Of losses, for each deposit and place: bank that bore it, bank, number, fen, the piece, its token.
Of tokens, for each load: bank, number, fen registered, fen refunded. Of evidence: piece, token,
time, digest. Of revocations: nothing."""

_HEAD = struct.Struct(">QQQQQ")
"""The numbers that a digest covers: number, rows, fen, until, time."""
_TAG = b"dcep-pruned/v1\0"


@dataclass(frozen=True)
class Gone:
    """Rows of one table that are deleted.

    Attributes:
        what: one of the keys of `ENTRIES`.
        rows: the rows, in order.
        entries: their sums, as `ENTRIES` says.
        amount_fen: the sum of what left the float, was borne, or was registered.
    """

    what: str
    rows: Sequence[Row[Any]]
    entries: Sequence[tuple[Any, ...]] = ()
    amount_fen: int = 0


def forgotten_before(connection: Connection) -> int:
    """The time before which all tokens that expired have ended, Unix milliseconds; 0 if none
    has.
    """
    newest = select(pruned.c.until_ms).order_by(pruned.c.number.desc()).limit(1)
    return int(connection.execute(newest).scalar() or 0)


def append(connection: Connection, gone: Gone, now_ms: int, *, until_ms: int = 0) -> None:
    """Writes down that rows are deleted, in the transaction that deletes them.

    Args:
        connection: of that transaction.
        gone: the rows.
        now_ms: the time by which they are old enough.
        until_ms: a later time for `forgotten_before`; 0 to leave it.
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
    """The digest, 32 bytes, of a row of `pruned` and the digest before it."""
    head = _HEAD.pack(*(row[n] for n in ("number", "rows", "amount_fen", "until_ms", "time_ms")))
    what = row["what"].encode().ljust(16, b"\0")
    return hashlib.sha256(_TAG + previous + head + what + row["gone"] + row["entries"]).digest()


def digest_of(rows: Iterable[Iterable[Field]]) -> bytes:
    """The SHA-256 of rows in their order, each field with its length."""
    digest = hashlib.sha256()
    for row in rows:
        for value in row:
            digest.update(_field(value))
    return digest.digest()


def _field(value: Field) -> bytes:
    if isinstance(value, str):
        value = value.encode()
    field = bytes(value) if isinstance(value, bytes | memoryview) else b"%d" % value
    return struct.pack(">I", len(field)) + field
