"""Writes entries for money that the feed leaves in suspense until officers pay it out."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert

from currency.payments import purpose_of_payment
from dcep.bank.v1 import officers_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.suspense.tables import suspense
from runtime.errors import as_reason

OutboundPayment = registration_pb2.OutboundPayment


class Source(NamedTuple):
    """Where the money of an entry came from, in the words of a statement, and whose it was to be.

    Attributes:
        purpose: what it was.
        payment_id: as in the statement.
        wallet: number of the wallet that was to get the money: the payee, or the one that deposited
            or loaded.
        payer: number of the wallet that paid; empty for offline money.
    """

    purpose: purposes_pb2.Purpose
    payment_id: str
    wallet: str
    payer: str = ""


def undelivered(payment: OutboundPayment) -> Source:
    """The source of a payment from another bank, or of a returned payment."""
    payer, payee = payment.payer_number, payment.payee_number
    return Source(purpose_of_payment(payment), payment.payment_id, payee, payer)


def entry_row(
    source: Source, *, position: int, amount_fen: int, time_ms: int, sequence: int = 0
) -> dict[str, object]:
    """Makes a row of the table `suspense`.

    Args:
        source: where the money came from.
        position: of the record that brought the money in.
        amount_fen: how much.
        time_ms: Unix milliseconds.
        sequence: for the record that will pay it out; 0 for the position.
    """
    return {
        **source._asdict(),
        "position": position,
        "amount_fen": amount_fen,
        "time_ms": time_ms,
        "sequence": sequence or position,
        "paid": 0,
        "paid_to": "",
    }


def put_entries(connection: Connection, rows: list[dict[str, object]]) -> None:
    """Inserts rows, in the transaction of the records that brought the money in."""
    if rows:
        connection.execute(insert(suspense), rows)


def entry_of(row: Row[Any], reason: int = 0) -> officers_pb2.SuspenseEntry:
    """A row as a message of the contract."""
    return officers_pb2.SuspenseEntry(
        position=row.position,
        purpose=row.purpose,
        payment_id=row.payment_id,
        wallet_number=row.wallet,
        payer_number=row.payer,
        amount_fen=row.amount_fen,
        time_ms=row.time_ms,
        reason=as_reason(reason),
    )
