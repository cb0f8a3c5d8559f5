"""Equation 3, and that each row of tokens and pieces is what the journal registered and retired.

Tokens are written in the transaction of the journal row that pays for them, and pieces in the one
that retires them. So in any one state of the database both tell the same story, row by row.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, column, func, select, table

from sandbox.books import ACCOUNTS_PER_BANK, FIRST_BANK_ACCOUNT, OFFLINE_FLOAT
from settlement.journal import Journal, JournalBroken, Tip
from settlement.records import Result
from settlement.tables import JournalTables

CIRCULATION_OFFSET, DEPOSITS_OFFSET = 1, 2

_tokens = table(
    "tokens",
    *(column(name) for name in ("token_id", "bank", "number", "value_fen")),
)
_pieces = table(
    "pieces", *(column(name) for name in ("piece_id", "token_id", "bank", "number", "value_fen"))
)

Batch = tuple[int, int]
"""A bank's index and its number of a registration or a deposit."""


@dataclass
class TokenSums:
    """What the tokens come to, in fen."""

    registered_fen: int = 0
    redeemed_fen: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def outstanding_fen(self) -> int:
        """Σ value of registered tokens not yet redeemed."""
        return self.registered_fen - self.redeemed_fen


@dataclass(frozen=True)
class _Moved:
    """What one record moved into or out of the float, and where it stands in the journal."""

    amount_fen: int
    position: int


@dataclass
class _FloatMoves:
    """Every record that touches the float, by who caused it."""

    into: dict[Batch, _Moved] = field(default_factory=dict)
    out_of: dict[Batch, _Moved] = field(default_factory=dict)


def token_sums(engine: Engine, tables: JournalTables, position: int) -> TokenSums:
    """Check the rows of tokens and pieces against the journal; sum them as of ``position``."""
    with engine.connect() as connection:
        end = connection.execute(select(func.max(tables.journal.c.seq))).scalar() or 0
        tokens = connection.execute(select(_tokens)).all()
        pieces = connection.execute(select(_pieces)).all()
    found = TokenSums()
    try:
        moves = _float_moves(Journal(engine, tables), end)
    except JournalBroken:
        return found  # the journal's own audit names the row; without it nothing can be compared
    registered: dict[Batch, int] = defaultdict(int)
    for token in tokens:
        registered[token.bank, token.number] += token.value_fen
    retired: dict[Batch, int] = defaultdict(int)
    by_token: dict[bytes, int] = defaultdict(int)
    for piece in pieces:
        retired[piece.bank, piece.number] += piece.value_fen
        by_token[bytes(piece.token_id)] += piece.value_fen
    for token in tokens:
        redeemed_fen = by_token.pop(bytes(token.token_id), 0)
        if redeemed_fen > token.value_fen:
            found.problems.append(
                f"table tokens, row token_id={bytes(token.token_id).hex()}: worth "
                f"{token.value_fen} fen, its retired pieces come to {redeemed_fen}"
            )
    for token_id in by_token:
        found.problems.append(f"table tokens, row token_id={token_id.hex()} is missing")
    found.registered_fen = _compare("tokens", registered, moves.into, position, found.problems)
    found.redeemed_fen = _compare("pieces", retired, moves.out_of, position, found.problems)
    return found


def _compare(
    name: str,
    rows: dict[Batch, int],
    moves: dict[Batch, _Moved],
    position: int,
    problems: list[str],
) -> int:
    """Fen in the rows whose record lies at or before ``position``; notes rows that differ."""
    total_fen = 0
    for batch in sorted(set(rows) | set(moves)):
        moved = moves.get(batch)
        value_fen = rows.get(batch, 0)
        journal_fen = moved.amount_fen if moved else 0
        if value_fen != journal_fen:
            problems.append(
                f"table {name}, rows bank={batch[0]} number={batch[1]}: they come to {value_fen} "
                f"fen, the journal says {journal_fen}"
            )
        if moved is None or moved.position <= position:
            total_fen += value_fen
    return total_fen


def _float_moves(journal: Journal, until_seq: int) -> _FloatMoves:
    found = _FloatMoves()
    for entry, _ in journal.rows(Tip(), until_seq=until_seq):
        records = entry.records
        touching = (records["credit"] == OFFLINE_FLOAT) | (records["debit"] == OFFLINE_FLOAT)
        for i in touching.nonzero()[0].tolist():
            record = records[i]
            amount_fen = int(record["amount_fen"])
            if not amount_fen or not Result(int(entry.results[i])).accepted:
                continue
            index, offset = divmod(int(record["origin"]) - FIRST_BANK_ACCOUNT, ACCOUNTS_PER_BANK)
            into = int(record["credit"]) == OFFLINE_FLOAT
            assert offset == (CIRCULATION_OFFSET if into else DEPOSITS_OFFSET)
            side = found.into if into else found.out_of
            side[index, int(record["sequence"])] = _Moved(amount_fen, entry.first_position + i)
    return found


def bank_indexes(connection: Connection) -> dict[str, int]:
    """Each bank's index in the central bank's accounts."""
    banks = table("banks", column("id"), column("name"))
    return {row.name: row.id for row in connection.execute(select(banks))}
