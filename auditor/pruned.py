"""Reads the chain of what the central bank deleted for its age (table `pruned`), and checks it.

Each row must follow from the one before it. What its entries say is compared with the journal in
place of the rows that are gone (auditor/tokens.py). The journal also says when a load was made: a
load that was forgotten before its tokens can have ended is named.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, column, select, table

from language import _

Batch = tuple[int, int]
_TAG = b"dcep-pruned/v1\0"
_HEAD = struct.Struct(">QQQQQ")
_ENTRIES = {
    "pieces": struct.Struct(">IQQ"),
    "losses": struct.Struct(">IIQQ32s16s"),
    "tokens": struct.Struct(">IQQQ"),
    "evidence": struct.Struct(">32s16sQ32s"),
    "revoked": struct.Struct(">"),
}
_EVIDENCE_KEPT_MS = 10 * 366 * 86_400_000
_TOKEN_LIFETIME_MS = 90 * 86_400_000
_PRUNE_AFTER_MS = 97 * 86_400_000
_pruned = table(
    "pruned",
    *map(
        column,
        (
            *("number", "what", "rows", "amount_fen", "gone"),
            *("entries", "until_ms", "time_ms", "digest"),
        ),
    ),
)


@dataclass
class Pruned:
    """What the chain says in place of deleted rows.

    Attributes:
        retired: fen that left the float, by deposit.
        registered: fen that was loaded, by load.
        restored: fen that was given back, by load.
        forgotten: by load, the time before which tokens had ended when the load was forgotten.
        lost: fen, by (bearing bank, depositing bank, number of the deposit).
        lost_at: piece and token of each of these losses.
        evidence: by piece, the tokens of deleted proofs.
        until_ms: tokens that expired before this time have ended.
        pieces_until_ms: tokens that expired before this time may have had pieces deleted.
    """

    retired: Counter[Batch] = field(default_factory=Counter)
    registered: Counter[Batch] = field(default_factory=Counter)
    restored: Counter[Batch] = field(default_factory=Counter)
    forgotten: dict[Batch, int] = field(default_factory=dict)
    lost: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    lost_at: list[tuple[bytes, bytes]] = field(default_factory=list)
    evidence: dict[bytes, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    until_ms: int = 0
    pieces_until_ms: int = 0

    @property
    def redeemed_fen(self) -> int:
        """What left the float for deleted tokens, other than what was given back."""
        return sum(self.registered.values()) - sum(self.restored.values())

    def take(self, row: Row[Any], entries: Sequence[tuple[Any, ...]]) -> int:
        """Adds one row of the chain; returns the sum of its entries, in fen."""
        sum_fen = 0
        if row.what in ("pieces", "losses"):
            old_ms = row.time_ms - _PRUNE_AFTER_MS
            self.pieces_until_ms = max(self.pieces_until_ms, old_ms)
        for entry in entries:
            if row.what == "pieces":
                *deposit, fen = entry
                self.retired[deposit[0], deposit[1]] += fen
            elif row.what == "losses":
                bearer, bank, number, fen, *place = entry
                self.lost[bearer, bank, number] += fen
                self.lost_at.append((place[0], place[1]))
            elif row.what == "tokens":
                bank, number, fen, restored_fen = entry
                self.registered[bank, number] += fen
                self.restored[bank, number] += restored_fen
                self.forgotten[bank, number] = row.until_ms
            else:
                piece, token, _time_ms, _digest = entry
                self.evidence[piece].append(token)
                continue
            sum_fen += fen
        return sum_fen


def pruned_rows(connection: Connection) -> Sequence[Row[Any]]:
    """The rows of the chain, in its order."""
    return connection.execute(select(_pruned).order_by(_pruned.c.number)).all()


def read_pruned(rows: Sequence[Row[Any]], problems: list[str]) -> Pruned:
    """Reads the chain.

    Args:
        rows: from `pruned_rows`.
        problems: gets a sentence for each row that does not follow or cannot be right.
    """
    found, previous = Pruned(), bytes(32)
    for place, row in enumerate(rows, 1):
        name = _("table pruned, row number={number}").format(number=row.number)
        digest, previous = _digest(previous, row), bytes(row.digest)
        if row.number != place or digest != previous or row.until_ms < found.until_ms:
            problems.append(
                _("{name}: it is not the one that was written behind the one before").format(
                    name=name
                )
            )
        found.until_ms = max(found.until_ms, row.until_ms)
        layout, encoded = _ENTRIES.get(row.what), bytes(row.entries)
        if layout is None or (len(encoded) % layout.size if layout.size else encoded):
            problems.append(_("{name}: its entries cannot be read").format(name=name))
            continue
        entries = list(layout.iter_unpack(encoded)) if layout.size else []
        sum_fen = found.take(row, entries)
        if sum_fen != row.amount_fen:
            problems.append(
                _("{name}: {amount} fen, its entries come to {sum}").format(
                    name=name, amount=row.amount_fen, sum=sum_fen
                )
            )
        if _too_early(row, entries):
            problems.append(_("{name}: it went before it was old enough").format(name=name))
    return found


def _too_early(row: Row[Any], entries: Sequence[tuple[Any, ...]]) -> bool:
    """Whether a row of the chain deleted something before it was old enough, by the row's time."""
    if row.what == "evidence":
        return any(entry[2] >= row.time_ms - _EVIDENCE_KEPT_MS for entry in entries)
    return bool(row.until_ms > row.time_ms - _PRUNE_AFTER_MS)


def check_forgotten(pruned: Pruned, registered_ms: dict[Batch, int], problems: list[str]) -> None:
    """Names loads that were forgotten before their tokens had ended.

    Args:
        pruned: what the chain says.
        registered_ms: when each load was made, by the journal.
        problems: gets a sentence for each.
    """
    for load, until_ms in sorted(pruned.forgotten.items()):
        ends_ms = registered_ms.get(load, 0) + _TOKEN_LIFETIME_MS
        if ends_ms >= until_ms:
            problems.append(
                _(
                    "table pruned, load bank={bank} number={number}: it was forgotten before its "
                    "tokens had ended"
                ).format(bank=load[0], number=load[1])
            )


def _digest(previous: bytes, row: Row[Any]) -> bytes:
    """What a row's digest must be; empty when its numbers do not even fit their fields."""
    try:
        head = _HEAD.pack(row.number, row.rows, row.amount_fen, row.until_ms, row.time_ms)
    except struct.error:
        return b""
    what = row.what.encode().ljust(16, b"\0")
    gone, entries = bytes(row.gone), bytes(row.entries)
    return hashlib.sha256(_TAG + previous + head + what + gone + entries).digest()
