"""Makes payments that are decided one by one: an order is decided once, and repeated after that.

So are refunds, and payments of requests to pay. How much of something is left is decided in the
transaction that journals the payment, which is why they do not come in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from dcep.bank.v1 import orders_pb2
from operator_bank.context import Context
from operator_bank.ledger.reasons import payers_refusal
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.rows import PENDING, SETTLED, Going, Paid, put_outbound
from operator_bank.sweeps.sweeping import Noted, Sweeps
from operator_bank.wallets.known import id_of
from operator_bank.wallets.orders import VerifiedOrder
from operator_bank.wallets.refused import Refused
from runtime.errors import Refusal
from runtime.one_call_each import OneCallEach
from settlement.builders import Row, records_of
from settlement.core import Answers, Batch
from settlement.payment_rows import PaymentRow
from settlement.records import Kind, Result

Order = TypeVar(
    "Order", VerifiedOrder[orders_pb2.PaymentOrder], VerifiedOrder[orders_pb2.RefundOrder]
)


class RefusalOf(Protocol):
    """Makes the refusal of an order for what the rule has answered."""

    def __call__(self, order: Any, result: Result, *, repeated: bool) -> Refusal:
        """`repeated`: whether it was refused before."""
        ...


def as_payer(order: object, result: Result, *, repeated: bool) -> Refusal:
    """The refusal of an order that depends on nothing but the answer."""
    return payers_refusal(result)


class OneByOne:
    """Decides an order that is sent twice at once once; the other call repeats that."""

    def __init__(
        self,
        context: Context,
        outgoing: Outbound,
        refused: Refused,
        field: str,
        refusal: RefusalOf,
        sweeps: Sweeps | None = None,
    ) -> None:
        """`field` is the one of the order that a repeated refusal names; `refusal` makes the one
        for what the rule has answered; `sweeps` says what goes on to the payee's deposit account.
        """
        self._ledger = context.ledger
        self._outgoing = outgoing
        self._refused = refused
        self._field = field
        self._refusal = refusal
        self._sweeps = sweeps
        self._deciding = OneCallEach()

    def answer(
        self, order: Order, decide: Callable[[Order], Paid], wait_s: float
    ) -> tuple[Paid, int]:
        """Has an order decided if it is new; if it goes to another bank, waits for its end.

        Args:
            order: of a wallet.
            decide: decides a new one; raises Refusal.
            wait_s: how many seconds to wait.

        Returns:
            What became of it, and the wallet's available fen.

        Raises:
            Refusal: this bank refused it. A refusal by the other side is in the answer.
        """
        account = order.wallet.account
        with self._deciding.holding({(account, order.content.sequence)}):
            earlier = self._refused.earlier(order)
            paid = decide(order) if earlier is None else self._again(order, earlier)
        if paid.state == PENDING:
            state, reason = self._outgoing.wait(paid.number, wait_s)
            paid = paid._replace(state=state, reason=reason)
        return paid, int(self._ledger.read([account])[0]["available_fen"])

    def submit(
        self,
        order: Order,
        rows: Sequence[Row],
        going: Going | None,
        in_transaction: Callable[[Connection, Result, int], None],
        kind: str,
        beside: bytes = b"",
    ) -> Paid:
        """Submits the records of an order that may be made.

        Args:
            order: of a wallet.
            rows: its record, with what is linked to it.
            going: what is sent to the central bank for it; None for a payment within the bank.
            in_transaction: further SQL with what the rule answered and the record's position;
                whatever it raises undoes the record.
            kind: see `put_outbound`.
            beside: the note of the linked records.

        Raises:
            Refusal: the rule refused it.
        """
        # Made here, and not while all payments wait for the writer.
        records, sent = records_of(rows), {0: going} if going is not None else {}

        def put(connection: Connection, answers: Answers) -> None:
            result = answers.result(0)
            if not result.accepted or answers.repeated[0]:
                return
            in_transaction(connection, result, int(answers.positions[0]))
            # Only what stays in the bank can sweep, and has more answers than these records.
            if sent:
                put_outbound(connection, records, sent, answers, kind)

        def batch_of(chain: Sequence[Noted]) -> Batch:
            linked: list[bytes] = [beside] * (len(rows) - 1)
            notes = [order.payload, *linked, *(each.note for each in chain[len(rows) :])]
            signatures = [order.signature, *[b""] * (len(chain) - 1)]
            made = records_of(each.row for each in chain)
            return Batch(made, notes, put, signatures=signatures)

        batch = self._swept(order, rows, batch_of)
        answers = self._ledger.submit(batch)
        self._refused.count(batch, answers)
        repeated, number = bool(answers.repeated[0]), int(answers.positions[0])
        if not answers.result(0).accepted:
            raise self._refusal(order, answers.result(0), repeated=repeated)
        payment_id = id_of(order.wallet.number, order.content.sequence)
        if going is None:
            return Paid(payment_id, SETTLED, repeated)
        self._outgoing.wake()
        return Paid(payment_id, PENDING, repeated, 0, number)

    def _swept(
        self, order: Order, rows: Sequence[Row], batch_of: Callable[[Sequence[Noted]], Batch]
    ) -> Batch:
        """The batch of an order's records, with what its payee has swept by then, if that is so."""
        plain, sweeps = batch_of([Noted(row) for row in rows]), self._sweeps
        swept = sweeps.of([rows[0].credit]) if sweeps is not None else []
        if sweeps is None or not swept:
            return plain
        payment_id = id_of(order.wallet.number, order.content.sequence)
        return replace(
            plain,
            read=swept,
            anew=lambda state: batch_of(sweeps.chain(rows, state, 0, payment_id)),
        )

    def _again(self, order: Order, row: PaymentRow) -> Paid:
        """The first answer to an order. Raises Refusal, if that was one."""
        if row.kind == Kind.REFUSAL:
            raise Refusal(
                row.reason, "it was refused for this before; make it anew", field=self._field
            )
        result = Result(row.result)
        if not result.accepted:
            raise self._refusal(order, result, repeated=True)
        payment_id = id_of(order.wallet.number, order.content.sequence)
        if row.kind != Kind.HOLD:
            return Paid(payment_id, SETTLED, True)
        state, reason = self._outgoing.state(row.position)
        return Paid(payment_id, state, True, reason, row.position)
