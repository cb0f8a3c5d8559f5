"""Defines the kinds of orders: what is signed, where it is sent, what the answer says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from dcep.bank.v1 import (
    asking_pb2,
    exchange_pb2,
    offline_pb2,
    orders_pb2,
    payments_pb2,
    signers_pb2,
    states_pb2,
    wallets_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from wallet.limits import ORDER_VALID_MS, PREPARED_VALID_MS
from wallet.peers.interface import BankPort

PENDING = states_pb2.PAYMENT_STATE_PENDING
REFUSED = states_pb2.PAYMENT_STATE_REFUSED
EXPIRED = states_pb2.PAYMENT_STATE_EXPIRED


Order = TypeVar("Order", bound=Message)
Answer = TypeVar("Answer", bound=Message)


@dataclass(frozen=True)
class OrderKind(Generic[Order, Answer]):
    """One kind of order.

    Attributes:
        name: as the order book keeps it.
        order: the message that is signed.
        answer: the message that comes back.
        send: sends a signed order to a bank.
        valid_ms: how long its bank may carry it out.
        wished: whether a person orders it as such and has to be told the outcome; other kinds are
            steps of something larger.
        is_released: whether it is put before others, where they have to release it.
    """

    name: str
    order: type[Order]
    answer: type[Answer]
    send: Callable[[BankPort, SignedEnvelope], Answer]
    wished: bool = True
    valid_ms: int = ORDER_VALID_MS
    is_released: bool = False


PAYMENT = OrderKind(
    "payment",
    orders_pb2.PaymentOrder,
    payments_pb2.PayResponse,
    lambda bank, order: bank.pay(order),
)
ASKED_PAYMENT = OrderKind(
    "asked-payment",
    orders_pb2.PaymentOrder,
    asking_pb2.PayAskedResponse,
    lambda bank, order: bank.pay_asked(order),
    is_released=True,
)
REFUND = OrderKind(
    "refund",
    orders_pb2.RefundOrder,
    payments_pb2.RefundResponse,
    lambda bank, order: bank.refund(order),
    is_released=True,
)
EXCHANGE = OrderKind(
    "exchange",
    orders_pb2.ExchangeOrder,
    exchange_pb2.ExchangeResponse,
    lambda bank, order: bank.exchange(order),
    is_released=True,
)
PREPARED = OrderKind(
    "prepared-payment",
    orders_pb2.PaymentOrder,
    signers_pb2.SignResponse,
    lambda bank, order: bank.sign(signers_pb2.SignRequest(payment=order)),
    valid_ms=PREPARED_VALID_MS,
)
CLOSE = OrderKind(
    "close",
    orders_pb2.CloseOrder,
    wallets_pb2.CloseWalletResponse,
    lambda bank, order: bank.close_wallet(order),
    is_released=True,
)
SWEEP = OrderKind(
    "sweep",
    orders_pb2.SweepOrder,
    wallets_pb2.OrderSweepResponse,
    lambda bank, order: bank.order_sweep(order),
)
CERTIFY = OrderKind(
    "certify-device",
    orders_pb2.CertifyDeviceOrder,
    offline_pb2.CertifyDeviceResponse,
    lambda bank, order: bank.certify_device(order),
    wished=False,
)
LOAD = OrderKind(
    "offline-load",
    orders_pb2.LoadOrder,
    offline_pb2.LoadTokensResponse,
    lambda bank, order: bank.load_tokens(order),
)
DEPOSIT = OrderKind(
    "offline-deposit",
    orders_pb2.DepositOrder,
    offline_pb2.DepositTokensResponse,
    lambda bank, order: bank.deposit_tokens(order),
    wished=False,
)
_ALL: tuple[OrderKind[Any, Any], ...] = (
    PAYMENT,
    ASKED_PAYMENT,
    REFUND,
    EXCHANGE,
    PREPARED,
    CLOSE,
    SWEEP,
    CERTIFY,
    LOAD,
    DEPOSIT,
)
KINDS = {kind.name: kind for kind in _ALL}
