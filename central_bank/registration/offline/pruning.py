"""Deletes old rows that nothing can come of any more, in small batches that a hash chain records.

How a token's pieces were spent, what was lost by them, and then the token itself are deleted
`PRUNE_AFTER_MS` after its expiry, once what was left of it has gone back. From then on nothing is
paid for it, and it proves nothing against anybody. Evidence is deleted after `EVIDENCE_KEPT_MS`,
and revocations once no certificate of their device can be good. The time of the refunds decides,
which a clock that jumps cannot hurry (refund_clock.py).

A token's row refuses deposits of it. Before the row is deleted, the chain says until when tokens
have ended (`forgotten_before`), and that refuses them then, whatever the clock says later, and even
if a piece comes in between two batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, func, select, update

from central_bank.authentication.tables import revoked_devices
from central_bank.limits import (
    EVIDENCE_KEPT_MS,
    MAX_PRUNED_ROWS,
    MAX_PRUNED_TOKENS,
    PRUNE_AFTER_MS,
    REVOKED_ANYHOW,
    REVOKED_KEPT_MS,
)
from central_bank.registration.offline import pruned_chain
from central_bank.registration.offline.double_spends import DEPOSITED
from central_bank.registration.offline.pruned_chain import Gone, digest_of
from central_bank.registration.offline.tables import evidence, losses, pieces, refund_clock, tokens
from runtime.database import Database

_KEY = (pieces.c.token_id, pieces.c.piece_id, pieces.c.spent_by)


class PruningBroken(Exception):
    """A token whose money went back was spent since; the service must stop."""


class Pruning:
    """Deletes a bounded batch of each kind in each step, in separate transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def step(self) -> bool:
        """Deletes one batch. Returns False, so that other writes have their turn before the next
        one.
        """
        self.prune()
        return False

    def prune(self) -> int:
        """Deletes rows that are old enough; returns how many."""
        believed_ms = self._database.read(_believed_ms)
        if believed_ms is None:
            return 0
        return (
            self._pieces(believed_ms)
            + self._tokens(believed_ms)
            + self._evidence(believed_ms)
            + self._revocations(believed_ms)
        )

    def _pieces(self, now_ms: int) -> int:
        """Deletes how pieces were spent and what was lost by them, of tokens that expired long
        ago.
        """
        due = self._database.read(lambda c: _due(c, now_ms - PRUNE_AFTER_MS))
        if not due:
            return 0
        rows = self._database.read(lambda c: _rows(c, due))
        taken = rows[:MAX_PRUNED_ROWS]
        # The last token may have more rows.
        whole = due if len(rows) == len(taken) else [t for t in due if t < bytes(rows[-1].token_id)]
        return self._database.transaction(lambda c: _delete_pieces(c, taken, whole, now_ms))

    def _tokens(self, now_ms: int) -> int:
        """Deletes tokens that have nothing else left, once deposits are refused without their
        rows.
        """
        until_ms = self._database.read(lambda c: _ended_until(c, now_ms - PRUNE_AFTER_MS))
        rows = self._database.read(lambda c: _ended(c, until_ms))
        if not rows:
            return 0
        self._database.transaction(lambda c: _delete_tokens(c, rows, now_ms, until_ms))
        return len(rows)

    def _evidence(self, now_ms: int) -> int:
        def body(connection: Connection) -> int:
            rows = _old_evidence(connection, now_ms - EVIDENCE_KEPT_MS, MAX_PRUNED_ROWS)
            entries = [
                (bytes(row.piece_id), bytes(row.token_id), row.time_ms, digest_of([row]))
                for row in rows
            ]
            gone = Gone(pruned_chain.EVIDENCE, rows, entries)
            return _delete(connection, evidence, "id", gone, now_ms)

        oldest = self._database.read(lambda c: _old_evidence(c, now_ms - EVIDENCE_KEPT_MS, 1))
        return self._database.transaction(body) if oldest else 0

    def _revocations(self, now_ms: int) -> int:
        before_ms = now_ms - REVOKED_KEPT_MS

        def body(connection: Connection) -> int:
            # Read here, because an officer may just have named one of them.
            rows = _old_revocations(connection, before_ms, MAX_PRUNED_ROWS)
            gone = Gone(pruned_chain.REVOCATIONS, rows)
            return _delete(connection, revoked_devices, "revocation", gone, now_ms)

        oldest = self._database.read(lambda c: _old_revocations(c, before_ms, 1))
        return self._database.transaction(body) if oldest else 0


def _old_evidence(connection: Connection, before_ms: int, most: int) -> Sequence[Row[Any]]:
    """The oldest proofs, if they came out before; they are numbered as they come out."""
    first = select(evidence).order_by(evidence.c.id).limit(most)
    return [row for row in connection.execute(first) if row.time_ms < before_ms]


def _old_revocations(connection: Connection, before_ms: int, most: int) -> Sequence[Row[Any]]:
    """Old revocations that no officer named, beyond the newest `REVOKED_ANYHOW`."""
    of = revoked_devices.c
    by_banks = select(revoked_devices).where(of.by_officer == 0)
    newest = by_banks.order_by(of.time_ms.desc()).offset(REVOKED_ANYHOW).limit(1)
    last = connection.execute(newest).first()
    if last is None:
        return []
    old = by_banks.where(of.time_ms < min(before_ms, last.time_ms))
    return connection.execute(old.order_by(of.time_ms, of.revocation).limit(most)).all()


def _delete(connection: Connection, table: Table, key: str, gone: Gone, now_ms: int) -> int:
    """Deletes rows by their key, and writes that into the chain; returns how many."""
    if gone.rows:
        these = table.c[key].in_([getattr(row, key) for row in gone.rows])
        connection.execute(delete(table).where(these))
        pruned_chain.append(connection, gone, now_ms)
    return len(gone.rows)


def _believed_ms(connection: Connection) -> int | None:
    """The time by which money is refunded; None before the refund clock was first kept."""
    time_ms = connection.execute(select(refund_clock.c.time_ms)).scalar()
    return None if time_ms is None else int(time_ms)


def _due(connection: Connection, before_ms: int) -> list[bytes]:
    """Ids of tokens whose pieces may be deleted, sorted; their money was refunded."""
    query = (
        select(tokens.c.token_id)
        .where(tokens.c.pruned == 0, tokens.c.expires_time_ms < before_ms)
        .where(tokens.c.restored_fen.is_not(None))
        .order_by(tokens.c.expires_time_ms)
        .limit(MAX_PRUNED_TOKENS)
    )
    return sorted(bytes(token_id) for token_id in connection.execute(query).scalars())


def _rows(connection: Connection, due: Sequence[bytes]) -> Sequence[Row[Any]]:
    """The rows of their pieces, one more than is deleted at once."""
    query = select(pieces).where(pieces.c.token_id.in_(due)).order_by(*_KEY)
    return connection.execute(query.limit(MAX_PRUNED_ROWS + 1)).all()


def _delete_pieces(
    connection: Connection, taken: Sequence[Row[Any]], whole: Sequence[bytes], now_ms: int
) -> int:
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
        pruned_chain.append(connection, _gone_pieces(taken), now_ms)
        by_token: Counter[bytes] = Counter()
        for row in taken:
            by_token[bytes(row.token_id)] += _paid_fen(row)
        more = update(tokens).where(tokens.c.token_id == bindparam("t"))
        sums = [{"t": token_id, "fen": fen} for token_id, fen in by_token.items() if fen]
        if sums:
            more = more.values(pruned_fen=tokens.c.pruned_fen + bindparam("fen"))
            connection.execute(more, sums)
    lost = _delete_losses(connection, whole, now_ms)
    if whole:
        done = tokens.c.token_id.in_(whole)
        connection.execute(update(tokens).where(done).values(pruned=1))
    return len(taken) + lost


def _delete_losses(connection: Connection, whole: Sequence[bytes], now_ms: int) -> int:
    """Deletes losses of tokens whose pieces are gone: no deposit of theirs can meet a cap any
    more.
    """
    these = losses.c.token_id.in_(whole)
    rows = connection.execute(
        select(losses).where(these).order_by(losses.c.piece_id, losses.c.lost_at)
    ).all()
    if rows:
        connection.execute(delete(losses).where(these))
        entries = [
            (
                *(row.borne_by, row.bank, row.number, row.amount_fen),
                *(bytes(row.lost_at), bytes(row.token_id)),
            )
            for row in rows
        ]
        lost_fen = sum(row.amount_fen for row in rows)
        pruned_chain.append(connection, Gone(pruned_chain.LOSSES, rows, entries, lost_fen), now_ms)
    return len(rows)


def _gone_pieces(taken: Sequence[Row[Any]]) -> Gone:
    by_deposit: Counter[tuple[int, int]] = Counter()
    for row in taken:
        by_deposit[row.bank, row.number] += _paid_fen(row)
    allocations = [(*deposit, fen) for deposit, fen in sorted(by_deposit.items()) if fen]
    return Gone(pruned_chain.PIECES, taken, allocations, sum(fen for _, _, fen in allocations))


def _paid_fen(row: Row[Any]) -> int:
    """What left the float by this row: only a deposit pays, not the endorsements on its way."""
    return int(row.retired_fen) if bytes(row.spent_by) == DEPOSITED else 0


def _ended_until(connection: Connection, before_ms: int) -> int:
    """The time before which every token has ended and has no pieces any more."""
    kept = select(func.min(tokens.c.expires_time_ms)).where(tokens.c.pruned == 0)
    first_ms = connection.execute(kept).scalar()
    until_ms = before_ms if first_ms is None else min(int(first_ms), before_ms)
    return max(until_ms, pruned_chain.forgotten_before(connection))


def _ended(connection: Connection, until_ms: int) -> Sequence[Row[Any]]:
    """Some tokens that expired before a time and have no pieces any more."""
    old = select(tokens).where(tokens.c.pruned == 1, tokens.c.expires_time_ms < until_ms)
    in_order = old.order_by(tokens.c.expires_time_ms, tokens.c.token_id)
    return connection.execute(in_order.limit(MAX_PRUNED_ROWS)).all()


def _delete_tokens(
    connection: Connection, rows: Sequence[Row[Any]], now_ms: int, until_ms: int
) -> None:
    loads: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        if row.restored_fen is None or row.pruned_fen + row.restored_fen != row.value_fen:
            raise PruningBroken(f"token {bytes(row.token_id).hex()}: its sums do not agree")
        load = loads.setdefault((row.bank, row.number), [0, 0])
        load[0] += row.value_fen
        load[1] += row.restored_fen
    entries = [(*load, *sums) for load, sums in sorted(loads.items())]
    value_fen = sum(row.value_fen for row in rows)
    gone = Gone(pruned_chain.TOKENS, rows, entries, value_fen)
    pruned_chain.append(connection, gone, now_ms, until_ms=until_ms)
    these = tokens.c.token_id.in_([row.token_id for row in rows])
    connection.execute(delete(tokens).where(these))
