"""What is left in the float of tokens that expired, and the records that give it back.

Nobody knows whose it is by then: a device may be lost, a payee may never have deposited. It goes to
the wallet that loaded it, whose bank knows it by the number of the registration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection, func, select, update

from central_bank import accounts
from central_bank.registration.double_spends import DEPOSITED
from central_bank.tables import pieces, tokens
from settlement.records import RECORD, Kind, RecordFlag, Records


class RestoreBroken(Exception):
    """The float does not hold what the tokens say; the service must not go on."""


@dataclass(frozen=True)
class Left:
    """What is left of one registration, by token."""

    bank: int
    number: int
    fen: dict[bytes, int] = field(default_factory=dict)

    @property
    def amount_fen(self) -> int:
        """What goes back."""
        return sum(self.fen.values())


def left_of_expired(connection: Connection, before_ms: int, limit: int) -> list[Left]:
    """Up to `limit` registrations whose tokens expired before a time and were not given back."""
    due = (
        select(tokens.c.bank, tokens.c.number)
        .where(tokens.c.restored_fen.is_(None), tokens.c.expires_time_ms < before_ms)
        .distinct()
        .limit(limit)
        .subquery()
    )
    retired = (
        select(func.coalesce(func.sum(pieces.c.retired_fen), 0))
        .where(pieces.c.token_id == tokens.c.token_id, pieces.c.spent_by == DEPOSITED)
        .scalar_subquery()
    )
    query = select(
        tokens.c.bank, tokens.c.number, tokens.c.token_id, tokens.c.value_fen - retired
    ).join(due, (tokens.c.bank == due.c.bank) & (tokens.c.number == due.c.number))
    found: dict[tuple[int, int], Left] = {}
    for bank, number, token_id, fen in connection.execute(query):
        found.setdefault((bank, number), Left(bank, number)).fen[bytes(token_id)] = int(fen)
    return list(found.values())


def put_restored(connection: Connection, given_back: Sequence[Left]) -> None:
    """Marks tokens, so that they are given back once."""
    for left in given_back:
        for token_id, fen in left.fen.items():
            same = tokens.c.token_id == token_id
            connection.execute(update(tokens).where(same).values(restored_fen=fen))


def restoring(given_back: Sequence[Left], now_ms: int) -> Records:
    """A record for each registration; its number makes it the only one."""
    records = np.zeros(len(given_back), RECORD)
    records["origin"] = [accounts.restored(left.bank) for left in given_back]
    records["sequence"] = [left.number for left in given_back]
    records["debit"] = accounts.OFFLINE_FLOAT
    records["credit"] = [accounts.circulation(left.bank) for left in given_back]
    records["kind"] = Kind.TRANSFER
    records["flags"] = RecordFlag.NO_LIMIT
    records["amount_fen"] = [left.amount_fen for left in given_back]
    records["time_ms"] = now_ms
    return records
