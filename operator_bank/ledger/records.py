"""Builds records that more than one room of the bank needs."""

from __future__ import annotations

from dcep.purposes.v1 import purposes_pb2
from operator_bank.ledger import accounts
from settlement.builders import Row, transfer
from settlement.records import RecordFlag


def opening_balance(account: int, amount_fen: int, now_ms: int) -> Row:
    """The record of an account's first balance in the bank's own books; it counts once."""
    return transfer(
        origin=account,
        sequence=1,
        debit=accounts.CONTROL,
        credit=account,
        amount_fen=amount_fen,
        purpose=purposes_pb2.PURPOSE_OPENING_BALANCE,
        time_ms=now_ms,
        flags=RecordFlag.NO_LIMIT,
    )
