"""What the feed leaves in suspense for good, as it is written down."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, insert

from dcep.bank.v1 import officers_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.suspense.tables import suspense
from runtime.errors import as_reason

OutboundPayment = registration_pb2.OutboundPayment


class Source(NamedTuple):
    """Where an entry came from, in the words of a statement, and whose it was to be.

    Attributes:
        wallet: number of the wallet that was to get it: that deposited, that loaded, or the payee.
        payer: number of the wallet that paid it; empty for offline money.
    """

    kind: str
    payment_id: str
    wallet: str
    payer: str = ""


def undelivered(payment: OutboundPayment) -> Source:
    """The source of a payment from another bank, or of one that came back."""
    kind = "return" if payment.returns_payment_id else "payment"
    return Source(kind, payment.payment_id, payment.payee_number, payment.payer_number)


def entry_row(
    source: Source, *, position: int, amount_fen: int, time_ms: int, sequence: int = 0
) -> dict[str, Any]:
    """A row of `suspense`.

    Args:
        position: of the record that brought the money in.
        sequence: that the record has which pays it out; 0 for the same as the position.
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


def put_entries(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Writes rows down, in the transaction of the records that brought the money in."""
    if rows:
        connection.execute(insert(suspense), rows)


def entry_of(row: Any, reason: int = 0) -> officers_pb2.SuspenseEntry:
    """A row as the contract has it."""
    return officers_pb2.SuspenseEntry(
        position=row.position,
        kind=row.kind,
        payment_id=row.payment_id,
        wallet_number=row.wallet,
        payer_number=row.payer,
        amount_fen=row.amount_fen,
        time_ms=row.time_ms,
        reason=as_reason(reason),
    )
