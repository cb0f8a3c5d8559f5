"""The shared stack, good orders to it, and what spoils them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from nacl.signing import SigningKey

from console.clients import BankOfficerClient
from currency import number
from dcep.bank.v1 import (
    aliases_pb2,
    asking_pb2,
    exchange_pb2,
    offline_pb2,
    orders_pb2,
    payments_pb2,
    sub_wallets_pb2,
    wallets_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from sandbox.demo.environment import System
from tests.device_keys import asking, made_key
from tests.integration.raw_wallet import (
    TAGS,
    TIMEOUT_S,
    BankStubs,
    RawWallet,
    now_ms,
    signed,
)

UNKNOWN_NUMBER = number.make("6201", 99_999_999_999)
DAY_MS = 86_400_000
ALIAS = aliases_pb2.AliasText(alias="@bad.input", salt=bytes(16)).SerializeToString()
UNSET = {"FIELD_MISSING", "FIELD_INVALID"}


@dataclass
class Scene:
    """The shared stack with wallets and channels to every port, each with the right certificate."""

    system: System
    alpha: BankStubs
    alice: RawWallet
    mallory: RawWallet
    bob: RawWallet
    channels: dict[str, grpc.Channel]

    def sums(self) -> tuple[Any, ...]:
        """All that must not move."""
        found: list[Any] = []
        for bank in self.system.plan.banks:
            with BankOfficerClient(self.system.plan, bank.name) as office:
                books = office.books()
                found.append((books.mirror_fen, books.vault_fen, books.wallets_fen))
                found.append((books.holds_fen, books.suspense_fen, books.pending_outbound))
        with self.system.central("lin") as office:
            books = office.books()
            found.append((books.paid_in_fen, books.offline_float_fen, books.offline_loss_fen))
            found.extend((bank.reserves_fen, bank.circulation_fen) for bank in books.banks)
        found.append([w.show().available_fen for w in (self.alice, self.mallory, self.bob)])
        return tuple(found)


# Signed orders, spoiled in one way each.
@dataclass(frozen=True)
class Signed:
    """An RPC that takes one signed order: how to call it, and a valid order's own fields."""

    label: str
    kind: Any
    call: Callable[[Scene, SignedEnvelope], Any]
    fields: Callable[[Scene], dict[str, Any]]
    moves_amount: bool = False


def rpc_stub(service: str, method: str, request: Any, field: str = "order") -> Any:
    def call(scene: Scene, envelope: SignedEnvelope) -> Any:
        found = getattr(getattr(scene.alpha, service), method)
        answer = found(request(**{field: envelope}), timeout=TIMEOUT_S)
        return next(answer) if method == "WatchPayments" else answer

    return call


def no_fields(_: Scene) -> dict[str, Any]:
    return {}


def query_of(service: str, method: str) -> Callable[[Scene], dict[str, Any]]:
    return lambda _: {"method": f"dcep.bank.v1.{service}/{method}"}


SIGNED = [
    Signed(
        "Pay",
        orders_pb2.PaymentOrder,
        rpc_stub("payments", "Pay", payments_pb2.PayRequest),
        lambda scene: {"payee_number": scene.mallory.number, "amount_fen": 5_000_001},
        moves_amount=True,
    ),
    Signed(
        "Refund",
        orders_pb2.RefundOrder,
        rpc_stub("payments", "Refund", payments_pb2.RefundRequest),
        lambda scene: {
            "refunds_payment_id": f"{scene.mallory.number}-1",
            "refunds_position": 1,
            "amount_fen": 5_000_001,
        },
        moves_amount=True,
    ),
    Signed(
        "Ask",
        orders_pb2.RequestToPay,
        rpc_stub("asking", "Ask", asking_pb2.AskRequest),
        lambda scene: {
            "nonce": SigningKey.generate().encode()[:16],
            "payer_number": scene.mallory.number,
            "amount_fen": 5_000_001,
            "due_time_ms": now_ms() + DAY_MS,
        },
        moves_amount=True,
    ),
    Signed(
        "PayAsked",
        orders_pb2.PaymentOrder,
        rpc_stub("asking", "PayAsked", asking_pb2.PayAskedRequest),
        lambda scene: {
            "payee_number": scene.mallory.number,
            "amount_fen": 5_000_001,
            "request_to_pay_id": f"{scene.mallory.number}-{'0' * 32}",
            "request_to_pay_digest": bytes(32),
        },
        moves_amount=True,
    ),
    Signed(
        "ChangeAsked",
        orders_pb2.ChangeAskedOrder,
        rpc_stub("asking", "ChangeAsked", asking_pb2.ChangeAskedRequest),
        lambda scene: {
            "request_to_pay_id": f"{scene.mallory.number}-{'0' * 32}",
            "change": orders_pb2.ASKED_CHANGE_DECLINE,
        },
    ),
    Signed(
        "BlockAsker",
        orders_pb2.BlockAskerOrder,
        rpc_stub("asking", "BlockAsker", asking_pb2.BlockAskerRequest),
        lambda scene: {"asker_number": scene.mallory.number},
    ),
    Signed(
        "ListAsked",
        orders_pb2.Query,
        rpc_stub("asking", "ListAsked", asking_pb2.ListAskedRequest, "query"),
        query_of("AskingService", "ListAsked"),
    ),
    Signed(
        "AddAlias",
        orders_pb2.AliasOrder,
        rpc_stub("aliases", "AddAlias", partial(aliases_pb2.AddAliasRequest, alias_text=ALIAS)),
        lambda scene: {
            "wish": orders_pb2.ALIAS_WISH_ADD,
            "alias_digest": hashlib.sha256(ALIAS).digest(),
            "bank": "alpha",
        },
    ),
    Signed(
        "RemoveAlias",
        orders_pb2.AliasOrder,
        rpc_stub("aliases", "RemoveAlias", aliases_pb2.RemoveAliasRequest),
        lambda scene: {
            "wish": orders_pb2.ALIAS_WISH_REMOVE,
            "alias_digest": bytes(32),
            "bank": "alpha",
        },
    ),
    Signed(
        "ListAliases",
        orders_pb2.Query,
        rpc_stub("aliases", "ListAliases", aliases_pb2.ListAliasesRequest, "query"),
        query_of("AliasService", "ListAliases"),
    ),
    Signed(
        "FindAlias",
        orders_pb2.Query,
        rpc_stub(
            "aliases", "FindAlias", partial(aliases_pb2.FindAliasRequest, alias="@nobody"), "query"
        ),
        query_of("AliasService", "FindAlias"),
    ),
    Signed(
        "Exchange",
        orders_pb2.ExchangeOrder,
        rpc_stub("exchange", "Exchange", exchange_pb2.ExchangeRequest),
        lambda _: {
            "direction": orders_pb2.EXCHANGE_DIRECTION_CASH_OUT,
            "medium": orders_pb2.EXCHANGE_MEDIUM_DEPOSIT,
            "amount_fen": 5_000_001,
        },
        moves_amount=True,
    ),
    Signed(
        "CloseWallet",
        orders_pb2.CloseOrder,
        rpc_stub("wallets", "CloseWallet", wallets_pb2.CloseWalletRequest),
        no_fields,
    ),
    Signed(
        "OrderSweep",
        orders_pb2.SweepOrder,
        rpc_stub("wallets", "OrderSweep", wallets_pb2.OrderSweepRequest),
        lambda _: {"sweeps": True, "above_fen": 5_000_001},
    ),
    Signed(
        "OrderSubWallet",
        sub_wallets_pb2.SubWalletOrder,
        rpc_stub("sub_wallets", "OrderSubWallet", sub_wallets_pb2.OrderSubWalletRequest),
        lambda scene: {
            "request_id": str(uuid.uuid4()),
            "action": sub_wallets_pb2.SUB_WALLET_ACTION_CLOSE,
            "sub_wallet_number": scene.mallory.number,
            "bank": "alpha",
        },
    ),
    Signed(
        "ListSubWallets",
        orders_pb2.Query,
        rpc_stub("sub_wallets", "ListSubWallets", sub_wallets_pb2.ListSubWalletsRequest, "query"),
        query_of("SubWalletService", "ListSubWallets"),
    ),
    Signed(
        "CertifyDevice",
        orders_pb2.CertifyDeviceOrder,
        rpc_stub("offline", "CertifyDevice", offline_pb2.CertifyDeviceRequest),
        lambda s: asking(made_key(), "alpha", s.alice.number),
    ),
    Signed(
        "LoadTokens",
        orders_pb2.LoadOrder,
        rpc_stub("offline", "LoadTokens", offline_pb2.LoadTokensRequest),
        lambda _: {"device_key": bytes(SigningKey.generate().verify_key), "amount_fen": 5_000_001},
        moves_amount=True,
    ),
    Signed(
        "DepositTokens",
        orders_pb2.DepositOrder,
        rpc_stub("offline", "DepositTokens", offline_pb2.DepositTokensRequest),
        lambda _: {"offline_payment": b"not an offline payment", "nonce": bytes(16)},
    ),
    Signed(
        "GetWallet",
        orders_pb2.Query,
        rpc_stub("wallets", "GetWallet", wallets_pb2.GetWalletRequest, "query"),
        query_of("WalletService", "GetWallet"),
    ),
    Signed(
        "ListPayments",
        orders_pb2.Query,
        rpc_stub("payments", "ListPayments", payments_pb2.ListPaymentsRequest, "query"),
        query_of("PaymentService", "ListPayments"),
    ),
    Signed(
        "GetPayment",
        orders_pb2.Query,
        rpc_stub(
            "payments",
            "GetPayment",
            lambda query: payments_pb2.GetPaymentRequest(
                query=query, payment_id=f"{UNKNOWN_NUMBER}-1"
            ),
            "query",
        ),
        query_of("PaymentService", "GetPayment"),
    ),
    Signed(
        "WatchPayments",
        orders_pb2.Query,
        rpc_stub("payments", "WatchPayments", payments_pb2.WatchPaymentsRequest, "query"),
        query_of("PaymentService", "WatchPayments"),
    ),
]


def good_order(scene: Scene, rpc: Signed, **spoiled: Any) -> SignedEnvelope:
    return scene.alice.envelope(rpc.kind, **{**rpc.fields(scene), **spoiled})


def raw_order(scene: Scene, rpc: Signed, payload: bytes) -> SignedEnvelope:
    return signed(TAGS[rpc.kind], payload, scene.alice.key, scene.alice.number)


def cut_signature(scene: Scene, rpc: Signed) -> SignedEnvelope:
    order = good_order(scene, rpc)
    order.signature = order.signature[:-1]
    return order


def turned_bit(scene: Scene, rpc: Signed) -> SignedEnvelope:
    order = good_order(scene, rpc)
    order.payload = order.payload[:-1] + bytes([order.payload[-1] ^ 1])
    return order


SPOILERS: list[tuple[str, Callable[[Scene, Signed], SignedEnvelope], set[str]]] = [
    ("no-payload", lambda s, r: raw_order(s, r, b""), UNSET),
    (
        "no-key-id",
        lambda s, r: SignedEnvelope(payload=b"x", signature=bytes(64)),
        {"FIELD_MISSING"},
    ),
    ("signature-of-63-bytes", cut_signature, {"FIELD_INVALID"}),
    ("one-bit-turned", turned_bit, {"SIGNATURE_INVALID"}),
    (
        "signed-by-another-wallet",
        lambda s, r: good_order(s, r, key=s.mallory.key),
        {"SIGNATURE_INVALID"},
    ),
    ("signed-as-something-else", lambda s, r: good_order(s, r, tag="x/v1"), {"SIGNATURE_INVALID"}),
    (
        "somebody-elses-wallet-in-the-order",
        lambda s, r: good_order(s, r, key=s.mallory.key, key_id=s.mallory.number),
        {"WRONG_WALLET"},
    ),
    (
        "unknown-wallet",
        lambda s, r: good_order(s, r, key_id=UNKNOWN_NUMBER, wallet_number=UNKNOWN_NUMBER),
        {"SIGNATURE_INVALID"},
    ),
    (
        "mistyped-wallet",
        lambda s, r: good_order(s, r, key_id="6201000000000000", wallet_number="6201000000000000"),
        {"SIGNATURE_INVALID"},
    ),
    ("garbage-signed", lambda s, r: raw_order(s, r, b"\xff\xff\xff\xff"), {"MESSAGE_UNREADABLE"}),
    (
        "unknown-field-signed",
        lambda s, r: raw_order(s, r, good_order(s, r).payload + b"\xfa\xf0\x04\x03abc"),
        {"FIELD_UNKNOWN"},
    ),
    (
        "expired",
        lambda s, r: good_order(
            s, r, created_time_ms=now_ms() - 90_000, expires_time_ms=now_ms() - 60_000
        ),
        {"EXPIRED"},
    ),
    (
        "from-the-future",
        lambda s, r: good_order(
            s, r, created_time_ms=now_ms() + DAY_MS, expires_time_ms=now_ms() + DAY_MS + 1_000
        ),
        {"NOT_YET_VALID"},
    ),
    (
        "valid-for-a-year",
        lambda s, r: good_order(s, r, expires_time_ms=now_ms() + 365 * DAY_MS),
        {"VALIDITY_TOO_LONG"},
    ),
    (
        "ends-before-it-begins",
        lambda s, r: good_order(s, r, expires_time_ms=now_ms() - 1),
        {"EXPIRED", "FIELD_INVALID"},
    ),
    (
        "no-times",
        lambda s, r: good_order(s, r, created_time_ms=0, expires_time_ms=0),
        {
            "FIELD_MISSING",
            "FIELD_INVALID",
            "EXPIRED",
        },
    ),
    (
        "payload-of-a-megabyte",
        lambda s, r: raw_order(s, r, good_order(s, r).payload + bytes(2**20)),
        {"MESSAGE_TOO_LONG"},
    ),
]
