"""Follows refunds through a bank's journal: each gives back a payment that its wallet received, and
all refunds of a payment together are no more than it.

The table of refunds is what a bank decides by. A row that is missing lets too much be refunded, and
a row too many too little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sqlalchemy import Engine, column, select, table

from auditor.signatures.orders import Line, Wrong, read, same
from auditor.signatures.positions import Positions
from auditor.signatures.rows import unlike
from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from language import _
from settlement.records import Kind, Result
from settlement.tables import JournalTables

OutboundPayment = registration_pb2.OutboundPayment
_PAYMENTS = (purposes_pb2.PURPOSE_PAYMENT, purposes_pb2.PURPOSE_MANDATE)
_refunds = table("refunds", *map(column, ("position", "payment", "amount_fen")))


class Refunded(NamedTuple):
    """A payment of which something is given back.

    Attributes:
        payment_id: as its statement has it.
        number: that it had at its payer's bank; 0 for one within the bank.
    """

    payment_id: str
    number: int


NOTHING_REFUNDED = Refunded("", 0)


class _Row(NamedTuple):
    payment: int
    amount_fen: int


class RefundWalk:
    """The refunds in one bank's journal, and the rows as they were before it was read."""

    def __init__(self, engine: Engine, tables: JournalTables) -> None:
        self._positions = Positions(engine, tables)
        with engine.connect() as connection:
            rows = connection.execute(select(_refunds)).all()
        self._rows = {row.position: _Row(row.payment, row.amount_fen) for row in rows}
        self._made: dict[int, _Row] = {}
        self._fen: dict[tuple[str, str], int] = {}
        """What was given back and has not ended otherwise, by who gives back and payment."""
        self._pending: dict[int, tuple[str, str]] = {}

    def take(
        self, line: Line, order: orders_pb2.RefundOrder, number_of: Callable[[int], str]
    ) -> Refunded:
        """Takes an accepted refund; gives the payment that it is of.

        Args:
            line: its record.
            order: what its wallet has signed.
            number_of: gives the number of an account's wallet; raises Wrong.

        Raises:
            Wrong: its wallet received no such payment, or it is too much.
        """
        paid = self._positions.at(order.refunds_position)
        self._made[line.position] = _Row(order.refunds_position, line.amount_fen)
        if paid is None or paid.position >= line.position or not _came(paid, line.origin):
            raise Wrong(_("it refunds a payment that this wallet has not received"))
        if paid.purpose not in _PAYMENTS:
            raise Wrong(_("it refunds what was no payment from another wallet"))
        if paid.kind == Kind.TRANSFER:
            refunded = Refunded(f"{number_of(paid.origin)}-{paid.sequence}", 0)
        else:
            entry = read(registration_pb2.FeedEntry, paid.note)
            outbound = read(OutboundPayment, entry.incoming.payment)
            refunded = Refunded(outbound.payment_id, outbound.number)
        same("payment", order.refunds_payment_id, refunded.payment_id)
        fen = self._count(order.wallet_number, refunded.payment_id, line.amount_fen)
        if line.kind == Kind.HOLD:
            self._pending[line.position] = order.wallet_number, refunded.payment_id
        if fen > paid.amount_fen:
            raise Wrong(
                _("with it {fen} fen are refunded of a payment of {paid} fen").format(
                    fen=fen, paid=paid.amount_fen
                )
            )
        return refunded

    def lost(self, refund: OutboundPayment) -> None:
        """Takes a refund that settled and that the bank's database has lost since."""
        self._count(refund.payer_number, refund.refunds_payment_id, refund.amount_fen)

    def end(self, position: int, amount_fen: int, *, settled: bool) -> None:
        """Takes the end of a hold, which may be a refund's: one that did not settle gave nothing
        back.
        """
        key = self._pending.pop(position, None)
        if key is not None and not settled:
            self._fen[key] -= amount_fen

    def check(self, until_position: int) -> Iterator[str]:
        """A sentence for each row, up to a position of the journal, that is wrong or missing."""
        return unlike("refunds", self._made, self._rows, until_position, _said)

    def _count(self, number: str, payment_id: str, amount_fen: int) -> int:
        key = number, payment_id
        self._fen[key] = self._fen.get(key, 0) + amount_fen
        return self._fen[key]


def _came(paid: Line, account: int) -> bool:
    moved = paid.kind in (Kind.TRANSFER, Kind.DELIVER) and paid.result == Result.ACCEPTED
    return moved and paid.credit == account


def _said(row: _Row | None) -> str:
    if row is None:
        return _("no refund")
    return _("{fen} fen of the payment at position {payment}").format(
        fen=row.amount_fen, payment=row.payment
    )
