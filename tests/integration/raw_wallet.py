"""A wallet without a wallet program: a key, and orders signed exactly as a test wants them."""

from __future__ import annotations

import time
from typing import Any

from nacl.signing import SigningKey

from console.cash_machine import CashMachine
from dcep.bank.v1 import (
    aliases_pb2_grpc,
    asking_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
    offline_pb2_grpc,
    orders_pb2,
    payments_pb2,
    payments_pb2_grpc,
    sub_wallets_pb2,
    sub_wallets_pb2_grpc,
    wallets_pb2,
    wallets_pb2_grpc,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from deployment.connections import public_channel
from deployment.topology import StackPlan
from tests.openings import opening

TIMEOUT_S = 20.0
VALID_MS = 60_000
GET_WALLET = "dcep.bank.v1.WalletService/GetWallet"
WATCH_PAYMENTS = "dcep.bank.v1.PaymentService/WatchPayments"
LIST_PAYMENTS = "dcep.bank.v1.PaymentService/ListPayments"

TAGS = {
    orders_pb2.PaymentOrder: "payment-order/v1",
    orders_pb2.RefundOrder: "refund-order/v1",
    orders_pb2.RequestToPay: "request-to-pay/v1",
    orders_pb2.ChangeAskedOrder: "change-asked-order/v1",
    orders_pb2.BlockAskerOrder: "block-asker-order/v1",
    sub_wallets_pb2.SubWalletOrder: "sub-wallet-order/v1",
    orders_pb2.AliasOrder: "alias-order/v1",
    orders_pb2.ExchangeOrder: "exchange-order/v1",
    orders_pb2.CloseOrder: "close-order/v1",
    orders_pb2.SweepOrder: "sweep-order/v1",
    orders_pb2.CertifyDeviceOrder: "certify-device-order/v1",
    orders_pb2.LoadOrder: "load-order/v1",
    orders_pb2.DepositOrder: "deposit-order/v1",
    orders_pb2.Query: "query/v1",
}
"""Spelled here once more, as by another maker who has docs/explanation/protocol.md alone."""


def signed(tag: str, payload: bytes, key: SigningKey, key_id: str) -> SignedEnvelope:
    """Bytes signed under any tag."""
    signature = key.sign(f"dcep:{tag}\0".encode() + payload).signature
    return SignedEnvelope(payload=payload, signature=signature, key_id=key_id.encode())


def now_ms() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


class BankStubs:
    """Every service on a bank's public port."""

    def __init__(self, plan: StackPlan, bank: str) -> None:
        self.bank = bank
        self.machine = CashMachine.of(plan, bank)
        self.channel = public_channel(plan, plan.bank(bank).public_address)
        self.wallets = wallets_pb2_grpc.WalletServiceStub(self.channel)
        self.exchange = exchange_pb2_grpc.ExchangeServiceStub(self.channel)
        self.payments = payments_pb2_grpc.PaymentServiceStub(self.channel)
        self.asking = asking_pb2_grpc.AskingServiceStub(self.channel)
        self.sub_wallets = sub_wallets_pb2_grpc.SubWalletServiceStub(self.channel)
        self.aliases = aliases_pb2_grpc.AliasServiceStub(self.channel)
        self.offline = offline_pb2_grpc.OfflineServiceStub(self.channel)


class RawWallet:
    """A wallet at a bank, driven by hand."""

    def __init__(self, stubs: BankStubs, *, name: str = "Somebody", phone: str = "") -> None:
        self.stubs = stubs
        self.key = SigningKey.generate()
        asked = opening(stubs.bank, now_ms(), key=self.key, holder_name=name, phone=phone)
        self.number = stubs.wallets.OpenWallet(asked, timeout=TIMEOUT_S).wallet_number
        self.sequence = 0

    def take_sequence(self) -> int:
        """The next sequence."""
        self.sequence += 1
        return self.sequence

    def envelope(
        self,
        kind: Any,
        *,
        key: SigningKey | None = None,
        key_id: str | None = None,
        tag: str | None = None,
        **fields: Any,
    ) -> SignedEnvelope:
        """An order of ``kind``, valid unless ``fields`` or the other arguments spoil it."""
        time_ms = now_ms()
        values: dict[str, Any] = {
            "wallet_number": self.number,
            "created_time_ms": time_ms,
            "expires_time_ms": time_ms + VALID_MS,
        }
        if kind is orders_pb2.Query:
            values["bank"] = self.stubs.bank
        elif "sequence" not in fields and "sequence" in kind.DESCRIPTOR.fields_by_name:
            values["sequence"] = self.take_sequence()
        payload = kind(**{**values, **fields}).SerializeToString()
        signer = key or self.key
        return signed(tag or TAGS[kind], payload, signer, key_id or self.number)

    def query(self, method: str) -> SignedEnvelope:
        """A signed query for one of the methods below."""
        return self.envelope(orders_pb2.Query, method=method)

    def payment(self, payee: str, amount_fen: int, **fields: Any) -> SignedEnvelope:
        """A signed payment order."""
        values = {"payee_number": payee, "amount_fen": amount_fen, **fields}
        return self.envelope(orders_pb2.PaymentOrder, **values)

    def pay(self, payee: str, amount_fen: int, **fields: Any) -> payments_pb2.PayResponse:
        """Pay."""
        request = payments_pb2.PayRequest(order=self.payment(payee, amount_fen, **fields))
        return self.stubs.payments.Pay(request, timeout=TIMEOUT_S)

    def exchange_order(self, amount_fen: int, **fields: Any) -> SignedEnvelope:
        """A signed order to top up with cash, unless the fields say otherwise."""
        values = {
            "direction": orders_pb2.EXCHANGE_DIRECTION_TOP_UP,
            "medium": orders_pb2.EXCHANGE_MEDIUM_CASH,
            "amount_fen": amount_fen,
            **fields,
        }
        how = values["direction"], values["medium"]
        if how == (orders_pb2.EXCHANGE_DIRECTION_TOP_UP, orders_pb2.EXCHANGE_MEDIUM_CASH):
            values.setdefault("cash_receipt", self.stubs.machine.receipt(self.number, amount_fen))
        return self.envelope(orders_pb2.ExchangeOrder, **values)

    def top_up(self, amount_fen: int, **fields: Any) -> exchange_pb2.ExchangeResponse:
        """Exchange."""
        request = exchange_pb2.ExchangeRequest(order=self.exchange_order(amount_fen, **fields))
        return self.stubs.exchange.Exchange(request, timeout=TIMEOUT_S)

    def show(self) -> wallets_pb2.GetWalletResponse:
        """The wallet's state."""
        request = wallets_pb2.GetWalletRequest(query=self.query(GET_WALLET))
        return self.stubs.wallets.GetWallet(request, timeout=TIMEOUT_S)

    def payments(self, page_size: int = 100) -> list[payments_pb2.Payment]:
        """The whole statement, newest first."""
        found: list[payments_pb2.Payment] = []
        token = ""
        while True:
            request = payments_pb2.ListPaymentsRequest(
                query=self.query(LIST_PAYMENTS), page_size=page_size, page_token=token
            )
            page = self.stubs.payments.ListPayments(request, timeout=TIMEOUT_S)
            found.extend(page.payments)
            token = page.next_page_token
            if not token:
                return found
