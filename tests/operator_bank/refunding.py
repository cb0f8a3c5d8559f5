"""Wallets that give back what they have received."""

from __future__ import annotations

from dcep.bank.v1 import orders_pb2, payments_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.payments.rows import Paid
from tests.operator_bank.system import Holder, System

Payment = payments_pb2.Payment


def lines(system: System, holder: Holder) -> list[Payment]:
    return system.bank.history.page(holder.wallet, 50, "")[0]


def received(system: System, holder: Holder) -> Payment:
    """The newest payment that came to a wallet."""
    return next(one for one in lines(system, holder) if one.change_fen > 0)


def order(holder: Holder, payment: Payment, fen: int, **values: object) -> SignedEnvelope:
    fields: dict[str, object] = {
        "sequence": holder.next(),
        "refunds_payment_id": payment.payment_id,
        "refunds_position": payment.position,
        "amount_fen": fen,
        **values,
    }
    return holder.signed(orders_pb2.RefundOrder, **fields)


def refund(system: System, holder: Holder, payment: Payment, fen: int, **values: object) -> Paid:
    return system.bank.refunds.refund(order(holder, payment, fen, **values), 0.0)[0]


def came(system: System, holder: Holder, fen: int) -> Payment:
    """A payment from another bank that a wallet has received."""
    arriving = system.arriving(holder.number, fen)
    system.hear(incoming=arriving)
    return received(system, holder)
