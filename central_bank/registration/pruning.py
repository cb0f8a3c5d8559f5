"""Forgetting how the pieces of tokens were spent that nobody can deposit any more.

What is left of a token goes back to its loader after the grace. From then on each deposit of it is
refused by the token's own row, which stays: none is paid, and none is proof against anybody. So the
ways of its pieces are looked at no more, and `PRUNE_AFTER_MS` after its expiry they are deleted.

What they came to stays: in the token's row, what its pieces took out of the float; and for each
batch that was deleted a row of the chain `pruned_pieces`, with each deposit's share, so that the
audit goes on comparing both with the journal to the fen.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from central_bank.limits import MAX_PRUNED_ROWS, MAX_PRUNED_TOKENS, PRUNE_AFTER_MS
from central_bank.registration.double_spends import DEPOSITED
from central_bank.tables import pieces, pruned_pieces, refund_clock, tokens
from runtime.clock import Clock
from runtime.database import Database

_SHARE = struct.Struct(">IQQ")
"""Of `deposits`: bank, number, fen."""
_HEAD = struct.Struct(">QQQQ")
"""Of what a digest covers: number, rows, fen, time."""
_TAG = b"dcep-pruned-pieces/v1\0"
_KEY = (pieces.c.token_id, pieces.c.piece_id, pieces.c.spent_by)


class PruningBroken(Exception):
    """A token whose money went back was spent since; the service must not go on."""


class Pruning:
    """Deletes a bounded batch at each step, in a transaction of its own."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def step(self) -> bool:
        """One batch. Never busy: what waits for a write has its turn before the next one."""
        self.prune()
        return False

    def prune(self) -> int:
        """Deletes the rows of tokens that ended long enough ago; returns how many."""
        due = self._database.read(_due)
        if not due:
            return 0
        rows = self._database.read(lambda c: _rows(c, due))
        taken = rows[:MAX_PRUNED_ROWS]
        # Of the last one there may be more.
        whole = due if len(rows) == len(taken) else [t for t in due if t < bytes(rows[-1].token_id)]
        now_ms = self._clock.now_ms()
        self._database.transaction(lambda c: _delete(c, taken, whole, now_ms))
        return len(taken)


def pruned_digest(
    previous: bytes, number: int, rows: int, fen: int, time_ms: int, content: bytes
) -> bytes:
    """The link of one row of `pruned_pieces` to the one before; content: `gone` ‖ `deposits`."""
    head = _HEAD.pack(number, rows, fen, time_ms)
    return hashlib.sha256(_TAG + previous + head + content).digest()


def _due(connection: Connection) -> list[bytes]:
    """Tokens whose pieces may go, in their order. Their money went back by the refunds' time."""
    now_ms = connection.execute(select(refund_clock.c.time_ms)).scalar()
    if now_ms is None:
        return []
    query = (
        select(tokens.c.token_id)
        .where(tokens.c.pruned == 0, tokens.c.expires_time_ms < int(now_ms) - PRUNE_AFTER_MS)
        .where(tokens.c.restored_fen.is_not(None))
        .order_by(tokens.c.expires_time_ms)
        .limit(MAX_PRUNED_TOKENS)
    )
    return sorted(bytes(token_id) for token_id in connection.execute(query).scalars())


def _rows(connection: Connection, due: Sequence[bytes]) -> Sequence[Row[Any]]:
    """Their pieces, one more than goes at once."""
    query = select(pieces).where(pieces.c.token_id.in_(due)).order_by(*_KEY)
    return connection.execute(query.limit(MAX_PRUNED_ROWS + 1)).all()


def _delete(
    connection: Connection, taken: Sequence[Row[Any]], whole: Sequence[bytes], now_ms: int
) -> None:
    if taken:
        ended = set(whole)
        rest = [row for row in taken if bytes(row.token_id) not in ended]
        gone = connection.execute(delete(pieces).where(pieces.c.token_id.in_(whole))).rowcount
        if gone != len(taken) - len(rest):
            raise PruningBroken(f"{gone} rows of ended tokens, {len(taken) - len(rest)} were read")
        if rest:
            keys = [{"t": row.token_id, "p": row.piece_id, "s": row.spent_by} for row in rest]
            same = [column == bindparam(name) for column, name in zip(_KEY, "tps", strict=True)]
            connection.execute(delete(pieces).where(*same), keys)
        _keep_proof(connection, taken, now_ms)
        by_token: Counter[bytes] = Counter()
        for row in taken:
            by_token[bytes(row.token_id)] += _paid_fen(row)
        more = update(tokens).where(tokens.c.token_id == bindparam("t"))
        sums = [{"t": token_id, "fen": fen} for token_id, fen in by_token.items() if fen]
        if sums:
            more = more.values(pruned_fen=tokens.c.pruned_fen + bindparam("fen"))
            connection.execute(more, sums)
    if whole:
        done = tokens.c.token_id.in_(whole)
        connection.execute(update(tokens).where(done).values(pruned=1))


def _keep_proof(connection: Connection, taken: Sequence[Row[Any]], now_ms: int) -> None:
    last = connection.execute(
        select(pruned_pieces.c.number, pruned_pieces.c.digest)
        .order_by(pruned_pieces.c.number.desc())
        .limit(1)
    ).first()
    number, previous = (last.number + 1, bytes(last.digest)) if last else (1, bytes(32))
    by_deposit: Counter[tuple[int, int]] = Counter()
    for row in taken:
        by_deposit[row.bank, row.number] += _paid_fen(row)
    shares = [(*deposit, fen) for deposit, fen in sorted(by_deposit.items()) if fen]
    retired_fen = sum(fen for _, _, fen in shares)
    gone, deposits = _digest_of(taken), b"".join(_SHARE.pack(*share) for share in shares)
    digest = pruned_digest(previous, number, len(taken), retired_fen, now_ms, gone + deposits)
    connection.execute(
        insert(pruned_pieces).values(
            number=number,
            rows=len(taken),
            retired_fen=retired_fen,
            gone=gone,
            deposits=deposits,
            time_ms=now_ms,
            digest=digest,
        )
    )


def _paid_fen(row: Row[Any]) -> int:
    """What left the float by this row: by a deposit, and not by what was endorsed on its way."""
    return int(row.retired_fen) if bytes(row.spent_by) == DEPOSITED else 0


def _digest_of(rows: Iterable[Row[Any]]) -> bytes:
    """Over rows in their order, each field with its length: whoever has a copy can show it."""
    digest = hashlib.sha256()
    for row in rows:
        for value in row:
            field = bytes(value) if isinstance(value, bytes | memoryview) else b"%d" % value
            digest.update(struct.pack(">I", len(field)) + field)
    return digest.digest()
