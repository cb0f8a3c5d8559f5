"""Pays requests to pay, and never more than was asked.

How much of a request was paid is decided in the transaction that journals the payment, at the
payer's bank: see decision 50. Whoever declines or withdraws it waits for that transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, insert

from currency.number import prefix_of
from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.asking import rows
from operator_bank.asking.tables import asked_payments
from operator_bank.context import Context
from operator_bank.lost.settling import LostPayments
from operator_bank.payments.one_by_one import OneByOne
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.rows import SETTLED, Going, Paid, outbound_body, payment_row
from operator_bank.payments.topped_up import TopUps, chain_of
from operator_bank.sweeps.sweeping import Sweeps
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.known import id_of
from operator_bank.wallets.orders import Orders, VerifiedOrder
from operator_bank.wallets.refused import Refused
from runtime.checks import invalid
from runtime.errors import Refusal
from settlement.builders import Row as Record
from settlement.records import Kind, Result

PaymentOrder = VerifiedOrder[orders_pb2.PaymentOrder]


class AskedPayments:
    """The use-case behind PayAsked."""

    def __init__(
        self,
        context: Context,
        orders: Orders,
        directory: Directory,
        outgoing: Outbound,
        refused: Refused,
        lost: LostPayments,
        top_ups: TopUps,
        sweeps: Sweeps,
    ) -> None:
        self._families = orders.families
        self._database = context.database
        self._clock = context.clock
        self._standing = context.standing
        self._prefix = context.prefix
        self._orders = orders
        self._directory = directory
        self._refused = refused
        self._lost = lost
        self._top_ups = top_ups
        self._one_by_one = OneByOne(context, outgoing, refused, rows.FIELD, top_ups.refusal, sweeps)

    def pay(self, envelope: SignedEnvelope, wait_s: float) -> tuple[Paid, int]:
        """Pays a request; if it goes to another bank, waits up to `wait_s` for its end.

        Returns:
            The payment, and the payer's available fen.

        Raises:
            Refusal: this bank refused it. A refusal by the other side is in the answer.
        """
        order = self._orders.open(orders_pb2.PaymentOrder, envelope)
        if not order.content.request_to_pay_id or not order.content.request_to_pay_digest:
            raise invalid(rows.FIELD, "and request_to_pay_digest name what is paid")
        return self._one_by_one.answer(order, self._decide, wait_s)

    def _decide(self, order: PaymentOrder) -> Paid:
        """Decides an order that is new. Raises Refusal."""
        account, payee = order.wallet.account, order.content.payee_number
        self._refused.check_room(account)
        if not self._lost.has_none:
            payment_id = id_of(order.wallet.number, order.content.sequence)
            if self._lost.was_paid(payment_id, outbound_body(order.content)):
                return Paid(payment_id, SETTLED, True)
        try:
            no = self._families.refusal(account, payee, self._directory.account(payee))
            if no is not None:
                raise no
            self._database.read(lambda c: self._check(c, order, locked=False))
            no = self._top_ups.own_refusal(order)
            if no is not None:
                raise no
        except Refusal as refusal:
            raise self._refused.keep(order, refusal) from None
        self._check_way(order)
        try:
            return self._submit(order, lambda row: chain_of(order, row))
        except _Changed as changed:  # another payment, or a change of the request, came first
            raise self._refused.keep(order, changed.refusal) from None

    def _check(self, connection: Connection, order: PaymentOrder, *, locked: bool) -> None:
        """Raises Refusal if an order may not be paid: it answers no request of this wallet, that
        is over, or is for another amount.
        """
        content = order.content
        row = rows.find(connection, content.request_to_pay_id, locked=locked)
        if row is None or row.payer != order.wallet.number or not row.shown:
            raise rows.unknown()
        _check_same(content, row)
        paid = rows.paid_fen(connection, [row.id]).get(row.id, 0)
        if not self._lost.has_none:
            paid += self._lost.answered_fen(connection, row.payer, row.id)
        state = rows.state_of(row, paid, self._clock.now_ms())
        if state != rows.OPEN:
            raise rows.over(state)
        left_fen = row.amount_fen - paid
        if content.amount_fen > left_fen or (not row.partial and content.amount_fen != left_fen):
            raise rows.not_asked(row, paid)

    def pay_by_mandate(
        self,
        order: PaymentOrder,
        chain: Callable[[Record], list[Record]],
        note: Callable[[Connection, int], None],
    ) -> None:
        """Pays a request by a mandate.

        Args:
            order: of the mandate's wallet, as its bank says it.
            chain: makes the records out of the payment's own.
            note: is called with the position of the payment, in its transaction; what it raises
                undoes the payment.

        Raises:
            Refusal: it was not paid.
        """
        self._refused.check_room(order.wallet.account)
        self._check_way(order)
        self._database.read(lambda c: self._check(c, order, locked=False))
        self._submit(order, chain, note, beside=order.payload)

    def _check_way(self, order: PaymentOrder) -> None:
        """Raises Refusal if a payment to another bank has to wait."""
        if prefix_of(order.content.payee_number) != self._prefix:
            self._refused.check_room_at(order.wallet.account, order.content.payee_number)
            self._standing.check_numbers()

    def _submit(
        self,
        order: PaymentOrder,
        chain: Callable[[Record], list[Record]],
        note: Callable[[Connection, int], None] = lambda _connection, _position: None,
        beside: bytes = b"",
    ) -> Paid:
        """Submits a payment that may be made. Raises Refusal, _Changed."""
        content = order.content
        payee = self._directory.account(content.payee_number)
        kin = self._families.are_kin(order.wallet.account, payee)
        row = payment_row(order, payee, self._prefix, self._clock.now_ms(), kin=kin)
        going = None
        if row.kind == Kind.HOLD:
            going = Going(prefix_of(content.payee_number), outbound_body(content))

        def put(connection: Connection, _: Result, position: int) -> None:
            try:
                self._check(connection, order, locked=True)
            except Refusal as refusal:
                raise _Changed(refusal) from None
            named = {"position": position, "request": content.request_to_pay_id}
            connection.execute(insert(asked_payments), {**named, "amount_fen": content.amount_fen})
            note(connection, position)

        return self._one_by_one.submit(order, chain(row), going, put, "pay", beside)


class _Changed(Refusal):
    """A request was changed between the look at it and the decision."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason, refusal.message, field=refusal.field)
        self.refusal = refusal


def _check_same(content: orders_pb2.PaymentOrder, row: Row[Any]) -> None:
    """Raises Refusal unless the payer has seen this very request, and pays who asked."""
    if content.payee_number != row.asker:
        raise invalid("payee_number", "is not who asked")
    if rows.digest_of(row) != content.request_to_pay_digest:
        raise Refusal(
            errors_pb2.REASON_FIELD_INVALID,
            "the request is not the one that was looked at",
            field="request_to_pay_digest",
        )
