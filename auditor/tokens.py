"""Checks equation 3, and compares each row of tokens, pieces and losses with the journal.

Tokens are written in the transaction of the journal row that pays for them, pieces in that which
retires them, losses in that which takes them from a bank. What is left of expired tokens is marked
in the transaction that gives it back. So the rows and the journal agree in every state of the
database.

Rows of tokens that ended long ago are deleted in batches. The sums of each load and each deposit
stay in the chain `pruned` (auditor/pruned.py), and are compared in place of the rows.

Every loss of a bank has its proof in `evidence`, or the proof's digest in the chain.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, column, func, select, table

from auditor.books import (
    CIRCULATION,
    DEPOSITS,
    LOSS,
    OFFLINE_FLOAT,
    RESTORED,
    Owned,
)
from auditor.deposits import DEPOSITED, Settled, Spends, check_deposits
from auditor.pruned import Pruned, check_forgotten, pruned_rows, read_pruned
from language import _
from offline_token.formats import SIGNATURE_BYTES, FormatError, Token
from settlement.journal import Journal, JournalBroken, Tip
from settlement.records import Records, Result
from settlement.tables import JournalTables

_MAX_EVIDENCE_PER_TOKEN = 32
_TOKEN_LIFETIME_MS = 90 * 86_400_000
_RESTORE_GRACE_MS = 37 * 86_400_000

_tokens = table(
    "tokens",
    *map(
        column,
        (
            *("token_id", "bank", "number", "owner", "value_fen", "expires_time_ms", "body"),
            *("restored_fen", "pruned", "pruned_fen"),
        ),
    ),
)
_losses = table(
    "losses",
    *map(column, ("borne_by", "amount_fen", "bank", "number", "lost_at", "token_id")),
)
_evidence = table("evidence", *map(column, ("piece_id", "token_id")))

Batch = tuple[int, int]
"""A bank's id, and its number of a registration or a deposit."""


@dataclass
class TokenSums:
    """The sums of the tokens, in fen."""

    registered_fen: int = 0
    redeemed_fen: int = 0
    restored_fen: int = 0
    lost_fen: dict[int, int] = field(default_factory=dict)
    """What each bank, by its id, has paid for double spends."""

    problems: list[str] = field(default_factory=list)

    @property
    def outstanding_fen(self) -> int:
        """The value of registered tokens that was neither redeemed nor given back."""
        return self.registered_fen - self.redeemed_fen - self.restored_fen


@dataclass(frozen=True)
class _Moved:
    """What one record moved into or out of the float, and its place in the journal."""

    amount_fen: int
    position: int
    time_ms: int
    digest: int = 0

    def settled(self) -> Settled:
        """What it says about its deposit."""
        return Settled(self.position, self.time_ms, self.digest)


@dataclass
class _Moves:
    """Every record that touches the float or pays from a loss account, by bank and number."""

    into: dict[Batch, _Moved] = field(default_factory=dict)
    out_of: dict[Batch, _Moved] = field(default_factory=dict)
    restored: dict[Batch, _Moved] = field(default_factory=dict)
    lost: dict[tuple[int, int, int], _Moved] = field(default_factory=dict)
    """By (bearing bank, depositing bank, number)."""

    def settled(self) -> dict[Batch, Settled]:
        """What the records say about the deposits that they settled."""
        settled = {key[1:]: moved.settled() for key, moved in self.lost.items()}
        return settled | {key: moved.settled() for key, moved in self.out_of.items()}


@dataclass
class _Rows:
    """What the rows say, those that were pruned too, in fen."""

    registered: Counter[Batch]
    restored: Counter[Batch]
    retired: Counter[Batch]
    lost: Counter[tuple[int, int, int]]
    """By (bearing bank, depositing bank, number)."""
    by_token: dict[bytes, int]
    """What came back of each token that still has pieces."""

    @classmethod
    def counted(
        cls, tokens: Sequence[Row[Any]], spends: Spends, losses: Sequence[Row[Any]], pruned: Pruned
    ) -> _Rows:
        """Sums rows, on top of what the chain says of those that are gone."""
        rows = cls(
            Counter(pruned.registered),
            Counter(pruned.restored),
            Counter(pruned.retired),
            Counter(pruned.lost),
            defaultdict(int),
        )
        for token in tokens:
            rows.registered[token.bank, token.number] += token.value_fen
            rows.restored[token.bank, token.number] += token.restored_fen or 0
        for (token_id, _piece, spent_by), way in spends.pieces.items():
            _hop, fen, _claimed, bank, number, _time = way
            rows.by_token[token_id] += fen if spent_by == DEPOSITED else 0
            if spent_by == DEPOSITED:
                rows.retired[bank, number] += fen
        for loss in losses:
            rows.lost[loss.borne_by, loss.bank, loss.number] += loss.amount_fen
        return rows


def token_sums(engine: Engine, tables: JournalTables, position: int) -> TokenSums:
    """Compares the rows of tokens, pieces and losses with the journal, and sums them.

    Args:
        engine: the central bank's database.
        tables: of its core.
        position: the sums are as of this position of the journal.

    Returns:
        The sums, and the problems. When the journal is broken nothing can be compared, and both are
        empty.
    """
    with engine.connect() as connection:
        end = connection.execute(select(func.max(tables.journal.c.seq))).scalar() or 0
        tokens = connection.execute(select(_tokens)).all()
        spends = Spends.read(connection)
        losses = connection.execute(select(_losses)).all()
        proofs = connection.execute(select(_evidence)).all()
        chain = pruned_rows(connection)
        accounts = Owned.read(connection)
    found = TokenSums()
    try:
        moves = _moves(Journal(engine, tables), end, accounts)
    except JournalBroken:
        return found  # the journal's own audit names the row
    problems = found.problems
    pruned = read_pruned(chain, problems)
    check_forgotten(pruned, {load: moved.time_ms for load, moved in moves.into.items()}, problems)
    rows = _Rows.counted(tokens, spends, losses, pruned)
    _check_pruned_tokens(tokens, rows.by_token, pruned, problems)
    _check_worth(tokens, rows.by_token, problems)
    _check_bodies(tokens, moves, problems)
    _check_in_time(moves, problems)
    found.registered_fen = _compare("tokens", rows.registered, moves.into, position, problems)
    found.redeemed_fen = _compare("pieces", rows.retired, moves.out_of, position, problems)
    found.restored_fen = _compare("tokens", rows.restored, moves.restored, position, problems)
    with engine.connect() as connection:
        broken = check_deposits(connection, moves.settled(), _whole(tokens, pruned), spends)
    problems += broken.all()
    found.lost_fen = _compare_losses(rows, moves, position, problems)
    lost_at = [*((bytes(loss.lost_at), bytes(loss.token_id)) for loss in losses), *pruned.lost_at]
    _check_proved(lost_at, proofs, pruned, problems)
    return found


def _compare_losses(
    rows: _Rows, moves: _Moves, position: int, problems: list[str]
) -> dict[int, int]:
    """Compares losses bank by bank; returns what each bank, by its id, has paid, in fen."""
    paid_fen: dict[int, int] = {}
    for bearer in sorted({key[0] for key in [*rows.lost, *moves.lost]}):
        lost = {key[1:]: fen for key, fen in rows.lost.items() if key[0] == bearer}
        moved = {key[1:]: move for key, move in moves.lost.items() if key[0] == bearer}
        name = _("losses borne_by={bearer}").format(bearer=bearer)
        paid_fen[bearer] = _compare(name, lost, moved, position, problems)
    return paid_fen


def _whole(tokens: Sequence[Row[Any]], pruned: Pruned) -> set[bytes]:
    """The tokens whose pieces and losses are certainly all there.

    Of a token with many pieces, some that had no amount may be gone while the token is still there.
    """
    return {
        bytes(row.token_id)
        for row in tokens
        if row.restored_fen is None or row.expires_time_ms >= pruned.pieces_until_ms
    }


def _check_worth(
    tokens: Sequence[Row[Any]], by_token: Mapping[bytes, int], problems: list[str]
) -> None:
    """Names tokens of which more or less came back than they are worth, and pieces of no token."""
    of_no_token = dict(by_token)
    for token in tokens:
        redeemed_fen = of_no_token.pop(bytes(token.token_id), 0) + token.pruned_fen
        if redeemed_fen > token.value_fen:
            problems.append(
                _(
                    "table tokens, row token_id={token_id}: worth {value} fen, its retired "
                    "pieces come to {redeemed}"
                ).format(
                    token_id=bytes(token.token_id).hex(),
                    value=token.value_fen,
                    redeemed=redeemed_fen,
                )
            )
        elif token.restored_fen not in (None, token.value_fen - redeemed_fen):
            problems.append(
                _(
                    "table tokens, row token_id={token_id}: {value} fen were left, {restored} "
                    "given back"
                ).format(
                    token_id=bytes(token.token_id).hex(),
                    value=token.value_fen - redeemed_fen,
                    restored=token.restored_fen,
                )
            )
    for token_id in of_no_token:
        problems.append(
            _("table tokens, row token_id={token_id} is missing").format(token_id=token_id.hex())
        )


def _check_bodies(tokens: Sequence[Row[Any]], moves: _Moves, problems: list[str]) -> None:
    """Names rows that differ from the token that was signed, or are older than its load."""
    for row in tokens:
        load = moves.into.get((row.bank, row.number))
        made_ms = row.expires_time_ms - _TOKEN_LIFETIME_MS
        body = bytes(row.body)
        times, signature = (made_ms, row.expires_time_ms), body[-SIGNATURE_BYTES:]
        meant = Token(bytes(row.token_id), row.value_fen, bytes(row.owner), *times, signature)
        try:
            same = meant.encode() == body
        except FormatError:
            same = False
        if not same or (load is not None and made_ms < load.time_ms):
            problems.append(
                _("table tokens, row token_id={token_id}: it is not as it was registered").format(
                    token_id=bytes(row.token_id).hex()
                )
            )


def _check_in_time(moves: _Moves, problems: list[str]) -> None:
    """Names loads of which something went back while payees could still deposit it."""
    for load, moved in sorted(moves.restored.items()):
        made = moves.into.get(load)
        if made is not None and moved.time_ms - made.time_ms < (
            _TOKEN_LIFETIME_MS + _RESTORE_GRACE_MS
        ):
            problems.append(
                _(
                    "table journal, position={position}: what was left of load bank={bank} "
                    "number={number} went back before its tokens had ended"
                ).format(position=moved.position, bank=load[0], number=load[1])
            )


def _check_proved(
    lost_at: Sequence[tuple[bytes, bytes]],
    proofs: Sequence[Row[Any]],
    pruned: Pruned,
    problems: list[str],
) -> None:
    """Names losses of a bank without a proof that its device spent the piece twice.

    Of one token at most `_MAX_EVIDENCE_PER_TOKEN` proofs are kept.

    Args:
        lost_at: piece and token of each loss.
        proofs: the rows of evidence.
        pruned: has the proofs that were deleted.
        problems: gets a sentence for each.
    """
    kept = [(bytes(proof.piece_id), bytes(proof.token_id)) for proof in proofs]
    kept += [(piece, token) for piece, tokens in pruned.evidence.items() for token in tokens]
    proved, by_token = {piece for piece, _token in kept}, Counter(token for _piece, token in kept)
    for piece, token in sorted(set(lost_at)):
        if piece not in proved and by_token[token] < _MAX_EVIDENCE_PER_TOKEN:
            problems.append(
                _("table evidence, piece_id={piece_id}: a bank bore a loss without it").format(
                    piece_id=piece.hex()
                )
            )


def _check_pruned_tokens(
    tokens: Sequence[Row[Any]],
    by_token: Mapping[bytes, int],
    pruned: Pruned,
    problems: list[str],
) -> None:
    """Names tokens that were pruned too early or in part, and sums that do not agree."""
    for token in tokens:
        token_id = bytes(token.token_id)
        if (token.pruned or token.pruned_fen) and token.restored_fen is None:
            problems.append(
                _(
                    "table tokens, row token_id={token_id}: its pieces were deleted before what "
                    "was left of it went back"
                ).format(token_id=token_id.hex())
            )
        if token.pruned and token_id in by_token:
            problems.append(
                _(
                    "table tokens, row token_id={token_id}: its pieces were deleted, and there "
                    "are some"
                ).format(token_id=token_id.hex())
            )
        if not token.pruned and token.expires_time_ms < pruned.until_ms:
            problems.append(
                _(
                    "table tokens, row token_id={token_id}: it has not ended, and the chain says "
                    "that it has"
                ).format(token_id=token_id.hex())
            )
    by_tokens_fen = sum(token.pruned_fen for token in tokens) + pruned.redeemed_fen
    by_rows_fen = sum(pruned.retired.values())
    if by_tokens_fen != by_rows_fen:
        problems.append(
            _("table pruned: its rows come to {by_rows} fen, the tokens say {by_tokens}").format(
                by_rows=by_rows_fen, by_tokens=by_tokens_fen
            )
        )


def _compare(
    name: str,
    rows: Mapping[Batch, int],
    moves: Mapping[Batch, _Moved],
    position: int,
    problems: list[str],
) -> int:
    """Names rows that differ from the journal; returns the fen in those up to ``position``."""
    total_fen = 0
    for batch in sorted(set(rows) | set(moves)):
        moved = moves.get(batch)
        value_fen = rows.get(batch, 0)
        journal_fen = moved.amount_fen if moved else 0
        if value_fen != journal_fen:
            problems.append(
                _(
                    "table {name}, rows bank={batch} number={batch2}: they come to {value} fen, "
                    "the journal says {journal}"
                ).format(
                    name=name, batch=batch[0], batch2=batch[1], value=value_fen, journal=journal_fen
                )
            )
        if moved is None or moved.position <= position:
            total_fen += value_fen
    return total_fen


def _moves(journal: Journal, until_seq: int, accounts: Owned) -> _Moves:
    found = _Moves()
    losses = [account for account, (_, purpose) in accounts.places.items() if purpose == LOSS]
    for entry, _rest in journal.rows(Tip(), until_seq=until_seq):
        records = entry.records
        touching = (records["credit"] == OFFLINE_FLOAT) | (records["debit"] == OFFLINE_FLOAT)
        touching |= np.isin(records["debit"], losses)
        for i in touching.nonzero()[0].tolist():
            record = records[i]
            place, time_ms = entry.first_position + i, int(record["time_ms"])
            moved = _Moved(int(record["amount_fen"]), place, time_ms, int(record["digest"]))
            if not moved.amount_fen or not Result(int(entry.results[i])).accepted:
                continue
            bank, purpose = accounts.place(int(record["origin"]))
            number = _number(records, i)
            # The walk through the journal names what comes from any other account.
            if int(record["credit"]) == OFFLINE_FLOAT and purpose == CIRCULATION:
                found.into[bank, number] = moved
            elif int(record["debit"]) == OFFLINE_FLOAT and purpose in (DEPOSITS, RESTORED):
                moves = found.restored if purpose == RESTORED else found.out_of
                moves[bank, number] = moved
            elif purpose == DEPOSITS:
                bearer, of = accounts.place(int(record["debit"]))
                if of == LOSS:
                    found.lost[bearer, bank, number] = moved
    return found


def _number(records: Records, i: int) -> int:
    """The number of a deposit, which only the first of its records has as its sequence."""
    while not records[i]["sequence"]:
        i -= 1
    return int(records[i]["sequence"])


def bank_indexes(connection: Connection) -> dict[str, int]:
    """Each bank's id at the central bank, by name."""
    banks = table("banks", column("id"), column("name"))
    return {row.name: row.id for row in connection.execute(select(banks))}
