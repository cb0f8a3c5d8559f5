"""Gives back payments that a wallet has received, whole or in parts, and never more than that.

How much of a payment was given back is decided in the transaction that journals the refund. All
that changes it runs in that order: the refunds, and the feed, which ends those to other banks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from currency.amount import format_yuan
from currency.number import prefix_of
from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.limits import MAX_REFUND_PARTS
from operator_bank.lost.settling import LostPayments
from operator_bank.payments.one_by_one import OneByOne, as_payer
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.rows import SETTLED, Going, Paid
from operator_bank.payments.tables import STANDS, outbound, refunds
from operator_bank.suspense.entries import Source, entry_row, put_entries
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.known import id_of
from operator_bank.wallets.orders import Orders, VerifiedOrder, hold_for
from operator_bank.wallets.refused import Refused
from runtime.chunks import chunks
from runtime.errors import Refusal
from settlement.builders import Row, delivery
from settlement.payment_rows import PaymentRow
from settlement.records import Kind, RecordFlag, Result

RefundOrder = VerifiedOrder[orders_pb2.RefundOrder]

_REFUND = purposes_pb2.PURPOSE_REFUND
_PAYMENTS = (purposes_pb2.PURPOSE_PAYMENT, purposes_pb2.PURPOSE_MANDATE)
_FIELD = "refunds_payment_id"
_WHY_NOT: dict[int, str] = {
    purposes_pb2.PURPOSE_REFUND: "a refund is not refunded",
    purposes_pb2.PURPOSE_RETURN: "this came back, and is not refunded",
    purposes_pb2.PURPOSE_TOKEN_DEPOSIT: "offline money that was deposited is not refunded; pay it"
    " back to whoever paid it",
}
_OTHERS = "only a payment from another wallet is refunded"


class Received(NamedTuple):
    """A payment that a wallet has received.

    Attributes:
        position: of the record that brought it.
        payment_id: as the statement has it.
        payer: its payer's account; NOBODY for one of another bank.
        payer_number: its payer's wallet.
        amount_fen: how much came.
        number: that it had at its payer's bank; 0 for one within this bank.
    """

    position: int
    payment_id: str
    payer: int
    payer_number: str
    amount_fen: int
    number: int = 0


class Refunds:
    """The use-case behind Refund."""

    def __init__(
        self,
        context: Context,
        orders: Orders,
        directory: Directory,
        outgoing: Outbound,
        refused: Refused,
        lost: LostPayments,
    ) -> None:
        self._history = context.history
        self._database = context.database
        self._clock = context.clock
        self._standing = context.standing
        self._orders = orders
        self._directory = directory
        self._refused = refused
        self._lost = lost
        self._one_by_one = OneByOne(context, outgoing, refused, _FIELD, as_payer)

    def refund(self, envelope: SignedEnvelope, wait_s: float) -> tuple[Paid, int]:
        """Makes one refund; if it goes to another bank, waits up to `wait_s` for its end.

        Returns:
            The refund, and the available fen of whoever gives back.

        Raises:
            Refusal: this bank refused it. A refusal by the other side is in the answer.
        """
        order = self._orders.open(orders_pb2.RefundOrder, envelope)
        return self._one_by_one.answer(order, self._decide, wait_s)

    def _decide(self, order: RefundOrder) -> Paid:
        """Decides an order that is new. Raises Refusal."""
        account = order.wallet.account
        self._refused.check_room(account)
        try:
            received = self._received(order)
            lost = self._settled_and_lost(order, received)
            if lost is not None:
                return lost
            self._database.read(lambda c: self._check_left(c, order, received))
        except Refusal as refusal:
            raise self._refused.keep(order, refusal) from None
        if received.payer == accounts.NOBODY:
            self._refused.check_room_at(account, received.payer_number)
            self._standing.check_numbers()
        try:
            return self._submit(order, received)
        except (_TooLarge, _TooMany) as late:  # another refund of the same payment came first
            raise self._refused.keep(order, late) from None

    def _received(self, order: RefundOrder) -> Received:
        """The payment that an order gives back.

        Raises:
            Refusal: PAYMENT_UNKNOWN, whoever else may have received it; NOT_REFUNDABLE.
        """
        account, position = order.wallet.account, order.content.refunds_position
        row = next(iter(self._history.statement(account, position + 1, 1)), None)
        if row is None or row.position != position or not _came(row, account):
            raise _unknown()
        if row.purpose not in _PAYMENTS:
            why_not = _WHY_NOT.get(row.purpose, _OTHERS)
            raise Refusal(errors_pb2.REASON_NOT_REFUNDABLE, why_not, field=_FIELD)
        received = self._of_row(row)
        if received.payment_id != order.content.refunds_payment_id:
            raise _unknown()
        return received

    def _of_row(self, row: PaymentRow) -> Received:
        if row.kind == Kind.TRANSFER:
            number = self._directory.number_of(row.debit)
            payment_id = id_of(number, row.sequence)
            return Received(row.position, payment_id, row.debit, number, row.amount_fen)
        entry = registration_pb2.FeedEntry.FromString(bytes(row.note))
        paid = registration_pb2.OutboundPayment.FromString(entry.incoming.payment)
        return Received(
            row.position,
            paid.payment_id,
            accounts.NOBODY,
            paid.payer_number,
            row.amount_fen,
            paid.number,
        )

    def _settled_and_lost(self, order: RefundOrder, received: Received) -> Paid | None:
        """The answer to a refund that had settled and that only this database has lost; None if it
        had not.
        """
        if self._lost.has_none:
            return None
        payment_id = id_of(order.wallet.number, order.content.sequence)
        was_paid = self._lost.was_paid(payment_id, _outbound(order.content, received))
        return Paid(payment_id, SETTLED, True) if was_paid else None

    def _check_left(self, connection: Connection, order: RefundOrder, received: Received) -> None:
        """Raises Refusal, with left_fen: REFUND_TOO_LARGE, if an order is for more than is left;
        AMOUNT_INVALID, if it is one part too many and not all that is left.
        """
        refunded_fen = refunded(connection, [received.position]).get(received.position, 0)
        if not self._lost.has_none:
            number = order.wallet.number
            refunded_fen += self._lost.refunded_fen(connection, number, received.payment_id)
        left_fen = max(0, received.amount_fen - refunded_fen)
        if order.content.amount_fen > left_fen:
            raise _TooLarge(left_fen)
        is_last = order.content.amount_fen == left_fen
        if not is_last and _parts(connection, received) >= MAX_REFUND_PARTS - 1:
            raise _TooMany(left_fen)

    def _submit(self, order: RefundOrder, received: Received) -> Paid:
        """Submits a refund that may be made. Raises Refusal."""
        content, now_ms = order.content, self._clock.now_ms()
        payment_id = id_of(order.wallet.number, content.sequence)
        going = None
        if received.payer == accounts.NOBODY:
            going = Going(prefix_of(received.payer_number), _outbound(content, received))
        source = Source(_REFUND, payment_id, received.payer_number, order.wallet.number)

        def put(connection: Connection, result: Result, position: int) -> None:
            self._check_left(connection, order, received)
            row = {"position": position, "payment": received.position}
            connection.execute(insert(refunds), {**row, "amount_fen": content.amount_fen})
            if result == Result.UNDELIVERABLE:
                fen = content.amount_fen
                lies = entry_row(source, position=position, amount_fen=fen, time_ms=now_ms)
                put_entries(connection, [lies])

        row = _row(order, received, now_ms)
        return self._one_by_one.submit(order, [row], going, put, "refund")


def refunded(connection: Connection, payments: Sequence[int]) -> dict[int, int]:
    """How many fen of received payments were given back, with what is on its way.

    Args:
        connection: to read with.
        payments: positions of the records that brought them.

    Returns:
        By position; payments of which nothing was given back are missing.
    """
    total = func.sum(refunds.c.amount_fen)
    joined = refunds.outerjoin(outbound, outbound.c.number == refunds.c.position)
    query = select(refunds.c.payment, total).select_from(joined).where(STANDS)
    found: dict[int, int] = {}
    for chunk in chunks(payments):
        these = query.where(refunds.c.payment.in_(chunk)).group_by(refunds.c.payment)
        found.update((payment, int(fen)) for payment, fen in connection.execute(these))
    return found


def _parts(connection: Connection, received: Received) -> int:
    """In how many parts a payment was given back, with those that another bank has refused."""
    mine = refunds.c.payment == received.position
    return int(connection.execute(select(func.count()).where(mine)).scalar_one())


class _TooMany(Refusal):
    """A part of what is left, after so many parts."""

    def __init__(self, left_fen: int) -> None:
        super().__init__(
            errors_pb2.REASON_AMOUNT_INVALID,
            f"a payment is refunded in {MAX_REFUND_PARTS} parts at most: the last is all that"
            f" is left, {format_yuan(left_fen)} yuan",
            field="amount_fen",
            left_fen=str(left_fen),
        )


class _TooLarge(Refusal):
    """More than is left of a payment."""

    def __init__(self, left_fen: int) -> None:
        super().__init__(
            errors_pb2.REASON_REFUND_TOO_LARGE,
            f"{format_yuan(left_fen)} yuan of this payment are left to refund",
            field="amount_fen",
            left_fen=str(left_fen),
        )


def _came(row: PaymentRow, account: int) -> bool:
    """Whether a row of the journal brought money to an account."""
    moved = row.kind in (Kind.TRANSFER, Kind.DELIVER) and row.result == Result.ACCEPTED
    return moved and row.credit == account


def _unknown() -> Refusal:
    return Refusal(
        errors_pb2.REASON_PAYMENT_UNKNOWN, "this wallet has received no such payment", field=_FIELD
    )


def _row(order: RefundOrder, received: Received, now_ms: int) -> Row:
    """The record that makes a refund. It is exempt from spending limits: see decision 42."""
    content, account = order.content, order.wallet.account
    if received.payer == accounts.NOBODY:
        return hold_for(order, _REFUND, now_ms, RecordFlag.NO_LIMIT)
    return delivery(
        origin=account,
        sequence=content.sequence,
        debit=account,
        credit=received.payer,
        fallback=accounts.SUSPENSE,
        amount_fen=content.amount_fen,
        purpose=_REFUND,
        time_ms=now_ms,
        expires_ms=content.expires_time_ms,
        flags=RecordFlag.NO_LIMIT,
        digest=order.digest,
    )


def _outbound(content: orders_pb2.RefundOrder, received: Received) -> bytes:
    """The payment that is sent to the central bank for a refund, without its number."""
    payment = registration_pb2.OutboundPayment(
        payment_id=id_of(content.wallet_number, content.sequence),
        payer_number=content.wallet_number,
        payee_number=received.payer_number,
        amount_fen=content.amount_fen,
        created_time_ms=content.created_time_ms,
        expires_time_ms=content.expires_time_ms,
        memo=content.memo,
        refunds_payment_id=received.payment_id,
        refunds_number=received.number,
    )
    return bytes(payment.SerializeToString())
