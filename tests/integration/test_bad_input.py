"""Bad input to every RPC: a status with a reason, nothing moved, and the service goes on.

Two tables: what is sent as bytes to each method there is, and orders spoiled in one way each.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from nacl.signing import SigningKey

from console.clients import BankOfficerClient
from currency import number, parties
from dcep.analysis.v1 import analysis_pb2
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import (
    exchange_pb2,
    inbound_pb2,
    officers_pb2,
    offline_pb2,
    orders_pb2,
    payments_pb2,
    states_pb2,
    wallets_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2 as e
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from deployment.connections import certified_channel, officer_channel
from runtime.channel import served_by
from runtime.envelope import possession, sign
from runtime.errors import reason_name
from sandbox.demo.environment import System, refused
from tests.device_keys import asking, made_key
from tests.integration.raw_wallet import (
    LIST_PAYMENTS,
    TAGS,
    TIMEOUT_S,
    BankStubs,
    RawWallet,
    now_ms,
)
from tests.openings import opening_request

pytestmark = pytest.mark.xdist_group("shared-stack")

UNKNOWN_NUMBER = number.make("6201", 99_999_999_999)
NO_BANK = number.make("9999", 1)
DAY_MS = 86_400_000
MAX_ITEMS = 8_190
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


@pytest.fixture(scope="module")
def scene(system: System) -> Iterator[Scene]:
    alpha, beta = BankStubs(system.plan, "alpha"), BankStubs(system.plan, "beta")
    alice, mallory = RawWallet(alpha, name="Alice"), RawWallet(alpha, name="Mallory")
    bob = RawWallet(beta, name="Bob")
    alice.top_up(50_000)
    plan = system.plan
    folder = plan.central_folder
    inner = plan.bank("alpha").inner_address
    bank_folder = plan.bank_folder("alpha")
    channels = {
        "public": alpha.channel,
        "office": officer_channel(plan, inner, plan.bank("alpha").officer),
        "inbound": certified_channel(plan, inner, folder / "tls.crt", folder / "tls.key"),
        "central-officer": officer_channel(plan, plan.central_address, "lin"),
        "central-bank": certified_channel(
            plan, plan.central_address, bank_folder / "tls.crt", bank_folder / "tls.key"
        ),
    }
    yield Scene(system, alpha, alice, mallory, bob, channels)
    for channel in channels.values():
        channel.close()


@pytest.fixture(autouse=True)
def nothing_moves(scene: Scene) -> Iterator[None]:
    """Whatever a test here sends, no sum anywhere changes, and everybody still answers."""
    before = scene.sums()
    yield
    assert scene.sums() == before


# Every method there is, by the port that serves it.

SERVED = [
    ("public", wallets_pb2),
    ("public", exchange_pb2),
    ("public", payments_pb2),
    ("public", offline_pb2),
    ("office", officers_pb2),
    ("office", office_pb2),
    ("inbound", inbound_pb2),
    ("central-officer", issuance_pb2),
    ("central-officer", office_pb2),
    ("central-officer", authentication_pb2),
    ("central-officer", analysis_pb2),
    ("central-bank", registration_pb2),
]
OF_BANKS = {"CreateRequest": "central-bank", "RevokeOwnDevices": "central-bank"}
"""Methods that banks alone may call, of services that officers call too."""

METHODS = [
    (OF_BANKS.get(method.name, port), method)
    for port, module in SERVED
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
NAMES = [method.full_name for _, method in METHODS]


def send_bytes(scene: Scene, port: str, method: Any, payload: bytes) -> Any:
    """Call a method with these very bytes."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    channel = scene.channels[port]
    if method.server_streaming:
        return next(channel.unary_stream(path)(payload, timeout=TIMEOUT_S))
    return channel.unary_unary(path)(payload, timeout=TIMEOUT_S)


@pytest.mark.parametrize(("port", "method"), METHODS, ids=NAMES)
def test_garbage_bytes_are_unreadable(scene: Scene, port: str, method: Any) -> None:
    refusal = refused(lambda: send_bytes(scene, port, method, b"\xff\xfe\xfd garbage \x00" * 9))
    assert refusal.name == "MESSAGE_UNREADABLE"


@pytest.mark.parametrize(("port", "method"), METHODS, ids=NAMES)
def test_a_field_that_nobody_knows_is_refused(scene: Scene, port: str, method: Any) -> None:
    field_9999 = b"\xfa\xf0\x04\x03abc"
    refusal = refused(lambda: send_bytes(scene, port, method, field_9999))
    assert refusal.name == "FIELD_UNKNOWN"
    assert refusal.field == "9999"


EMPTY_IS_FINE = {
    "ListBanks",
    "ListEvidence",
    "GetBooks",
    "GetTrustBundle",
    "ListCentralKeys",
    "GetFlows",
    "GetFeed",
    "GetPolicy",
    "ListActs",
    "ListOfficers",
    "ListRequests",
    "ListSuspense",
    "ListLost",
    "FollowFeed",
}


@pytest.mark.parametrize(
    ("port", "method"),
    [found for found in METHODS if found[1].name not in EMPTY_IS_FINE],
    ids=[name for name in NAMES if name.rpartition(".")[2] not in EMPTY_IS_FINE],
)
def test_an_empty_request_is_refused_with_the_field(scene: Scene, port: str, method: Any) -> None:
    if method.name in ("OpenWallets", "ExchangeMany", "PayMany", "CheckPayees"):
        expected = {"FIELD_MISSING", "FIELD_INVALID", "TOO_MANY_ITEMS"}
    else:
        expected = {"FIELD_MISSING", "FIELD_INVALID"}
    refusal = refused(lambda: send_bytes(scene, port, method, b""))
    assert refusal.name in expected
    assert refusal.field


# Signed orders, spoiled in one way each.


@dataclass(frozen=True)
class Signed:
    """An RPC that takes one signed order: how to call it, and a valid order's own fields."""

    label: str
    kind: Any
    call: Callable[[Scene, SignedEnvelope], Any]
    fields: Callable[[Scene], dict[str, Any]]
    moves_amount: bool = False


def _stub(service: str, method: str, request: Any, field: str = "order") -> Any:
    def call(scene: Scene, envelope: SignedEnvelope) -> Any:
        found = getattr(getattr(scene.alpha, service), method)
        answer = found(request(**{field: envelope}), timeout=TIMEOUT_S)
        return next(answer) if method == "WatchPayments" else answer

    return call


def _nothing(_: Scene) -> dict[str, Any]:
    return {}


def _of(service: str, method: str) -> Callable[[Scene], dict[str, Any]]:
    return lambda _: {"method": f"dcep.bank.v1.{service}/{method}"}


SIGNED = [
    Signed(
        "Pay",
        orders_pb2.PaymentOrder,
        _stub("payments", "Pay", payments_pb2.PayRequest),
        lambda scene: {"payee_number": scene.mallory.number, "amount_fen": 5_000_001},
        moves_amount=True,
    ),
    Signed(
        "Exchange",
        orders_pb2.ExchangeOrder,
        _stub("exchange", "Exchange", exchange_pb2.ExchangeRequest),
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
        _stub("wallets", "CloseWallet", wallets_pb2.CloseWalletRequest),
        _nothing,
    ),
    Signed(
        "CertifyDevice",
        orders_pb2.CertifyDeviceOrder,
        _stub("offline", "CertifyDevice", offline_pb2.CertifyDeviceRequest),
        lambda s: asking(made_key(), "alpha", s.alice.number),
    ),
    Signed(
        "LoadTokens",
        orders_pb2.LoadOrder,
        _stub("offline", "LoadTokens", offline_pb2.LoadTokensRequest),
        lambda _: {"device_key": bytes(SigningKey.generate().verify_key), "amount_fen": 5_000_001},
        moves_amount=True,
    ),
    Signed(
        "DepositTokens",
        orders_pb2.DepositOrder,
        _stub("offline", "DepositTokens", offline_pb2.DepositTokensRequest),
        lambda _: {"offline_payment": b"not an offline payment", "nonce": bytes(16)},
    ),
    Signed(
        "GetWallet",
        orders_pb2.Query,
        _stub("wallets", "GetWallet", wallets_pb2.GetWalletRequest, "query"),
        _of("WalletService", "GetWallet"),
    ),
    Signed(
        "ListPayments",
        orders_pb2.Query,
        _stub("payments", "ListPayments", payments_pb2.ListPaymentsRequest, "query"),
        _of("PaymentService", "ListPayments"),
    ),
    Signed(
        "GetPayment",
        orders_pb2.Query,
        _stub(
            "payments",
            "GetPayment",
            lambda query: payments_pb2.GetPaymentRequest(
                query=query, payment_id=f"{UNKNOWN_NUMBER}-1"
            ),
            "query",
        ),
        _of("PaymentService", "GetPayment"),
    ),
    Signed(
        "WatchPayments",
        orders_pb2.Query,
        _stub("payments", "WatchPayments", payments_pb2.WatchPaymentsRequest, "query"),
        _of("PaymentService", "WatchPayments"),
    ),
]


def _order(scene: Scene, rpc: Signed, **spoiled: Any) -> SignedEnvelope:
    return scene.alice.envelope(rpc.kind, **{**rpc.fields(scene), **spoiled})


def _raw(scene: Scene, rpc: Signed, payload: bytes) -> SignedEnvelope:
    return sign(TAGS[rpc.kind], payload, scene.alice.key, scene.alice.number.encode())


def _cut_signature(scene: Scene, rpc: Signed) -> SignedEnvelope:
    order = _order(scene, rpc)
    order.signature = order.signature[:-1]
    return order


def _turned_bit(scene: Scene, rpc: Signed) -> SignedEnvelope:
    order = _order(scene, rpc)
    order.payload = order.payload[:-1] + bytes([order.payload[-1] ^ 1])
    return order


SPOILERS: list[tuple[str, Callable[[Scene, Signed], SignedEnvelope], set[str]]] = [
    ("no-payload", lambda s, r: _raw(s, r, b""), UNSET),
    (
        "no-key-id",
        lambda s, r: SignedEnvelope(payload=b"x", signature=bytes(64)),
        {"FIELD_MISSING"},
    ),
    ("signature-of-63-bytes", _cut_signature, {"FIELD_INVALID"}),
    ("one-bit-turned", _turned_bit, {"SIGNATURE_INVALID"}),
    (
        "signed-by-another-wallet",
        lambda s, r: _order(s, r, key=s.mallory.key),
        {"SIGNATURE_INVALID"},
    ),
    ("signed-as-something-else", lambda s, r: _order(s, r, tag="x/v1"), {"SIGNATURE_INVALID"}),
    (
        "somebody-elses-wallet-in-the-order",
        lambda s, r: _order(s, r, key=s.mallory.key, key_id=s.mallory.number),
        {"WRONG_WALLET"},
    ),
    (
        "unknown-wallet",
        lambda s, r: _order(s, r, key_id=UNKNOWN_NUMBER, wallet_number=UNKNOWN_NUMBER),
        {"SIGNATURE_INVALID"},
    ),
    (
        "mistyped-wallet",
        lambda s, r: _order(s, r, key_id="6201000000000000", wallet_number="6201000000000000"),
        {"SIGNATURE_INVALID"},
    ),
    ("garbage-signed", lambda s, r: _raw(s, r, b"\xff\xff\xff\xff"), {"MESSAGE_UNREADABLE"}),
    (
        "unknown-field-signed",
        lambda s, r: _raw(s, r, _order(s, r).payload + b"\xfa\xf0\x04\x03abc"),
        {"FIELD_UNKNOWN"},
    ),
    (
        "expired",
        lambda s, r: _order(
            s, r, created_time_ms=now_ms() - 90_000, expires_time_ms=now_ms() - 60_000
        ),
        {"EXPIRED"},
    ),
    (
        "from-the-future",
        lambda s, r: _order(
            s, r, created_time_ms=now_ms() + DAY_MS, expires_time_ms=now_ms() + DAY_MS + 1_000
        ),
        {"NOT_YET_VALID"},
    ),
    (
        "valid-for-a-year",
        lambda s, r: _order(s, r, expires_time_ms=now_ms() + 365 * DAY_MS),
        {"VALIDITY_TOO_LONG"},
    ),
    (
        "ends-before-it-begins",
        lambda s, r: _order(s, r, expires_time_ms=now_ms() - 1),
        {"EXPIRED", "FIELD_INVALID"},
    ),
    (
        "no-times",
        lambda s, r: _order(s, r, created_time_ms=0, expires_time_ms=0),
        {
            "FIELD_MISSING",
            "FIELD_INVALID",
            "EXPIRED",
        },
    ),
    (
        "payload-of-a-megabyte",
        lambda s, r: _raw(s, r, _order(s, r).payload + bytes(2**20)),
        {"MESSAGE_TOO_LONG"},
    ),
]


JUDGED_BEFORE_TIME = {"LoadTokens": {"DEVICE_UNKNOWN"}, "DepositTokens": {"FIELD_INVALID"}}
"""What an order of offline money is refused for before its expiry is looked at."""


@pytest.mark.parametrize("rpc", SIGNED, ids=[rpc.label for rpc in SIGNED])
@pytest.mark.parametrize(
    ("spoil", "expected"),
    [(spoil, expected) for _, spoil, expected in SPOILERS],
    ids=[label for label, _, _ in SPOILERS],
)
def test_a_spoiled_order_is_refused(
    scene: Scene,
    rpc: Signed,
    spoil: Callable[[Scene, Signed], SignedEnvelope],
    expected: set[str],
) -> None:
    refusal = refused(lambda: rpc.call(scene, spoil(scene, rpc)))
    assert refusal.name in expected | JUDGED_BEFORE_TIME.get(rpc.label, set()), refusal.message
    assert refusal.message


QUERIES = [rpc for rpc in SIGNED if rpc.kind is orders_pb2.Query]


@pytest.mark.parametrize("rpc", QUERIES, ids=[rpc.label for rpc in QUERIES])
@pytest.mark.parametrize(
    "spoiled",
    [
        {"bank": "beta"},
        {"method": "dcep.bank.v1.WalletService/CloseWallet"},
        {"expires_time_ms": now_ms() + 3_600_000},
    ],
    ids=["another-bank", "another-method", "for-an-hour"],
)
def test_a_query_is_for_this_method_and_bank_and_a_moment(
    scene: Scene, rpc: Signed, spoiled: dict[str, Any]
) -> None:
    refusal = refused(lambda: rpc.call(scene, _order(scene, rpc, **spoiled)))
    assert refusal.name in {"FIELD_INVALID", "VALIDITY_TOO_LONG"}
    assert refusal.field == next(iter(spoiled))


MOVING = [rpc for rpc in SIGNED if rpc.moves_amount]
SEQUENCED = [rpc for rpc in SIGNED if rpc.kind is not orders_pb2.Query]


@pytest.mark.parametrize("rpc", MOVING, ids=[rpc.label for rpc in MOVING])
@pytest.mark.parametrize("amount_fen", [0, -1, 2**63 - 1, -(2**63), 10**13 + 1])
def test_an_impossible_amount_is_refused(scene: Scene, rpc: Signed, amount_fen: int) -> None:
    refusal = refused(lambda: rpc.call(scene, _order(scene, rpc, amount_fen=amount_fen)))
    assert refusal.reason == e.REASON_AMOUNT_INVALID
    assert refusal.field == "amount_fen"


@pytest.mark.parametrize("rpc", SEQUENCED, ids=[rpc.label for rpc in SEQUENCED])
@pytest.mark.parametrize("sequence", [0, 2**53, 2**64 - 1])
def test_an_impossible_sequence_is_refused(scene: Scene, rpc: Signed, sequence: int) -> None:
    refusal = refused(lambda: rpc.call(scene, _order(scene, rpc, sequence=sequence)))
    assert refusal.name in {"SEQUENCE_INVALID", "FIELD_MISSING"}
    assert refusal.field == "sequence"


def test_the_same_id_with_other_content_is_its_own_error(scene: Scene) -> None:
    pay = SIGNED[0]
    sequence = scene.alice.take_sequence()
    first = refused(lambda: pay.call(scene, _order(scene, pay, sequence=sequence)))
    assert first.name == "OVER_SINGLE_LIMIT"
    other = refused(lambda: pay.call(scene, _order(scene, pay, sequence=sequence, amount_fen=5)))
    assert other.reason == e.REASON_ID_REUSED


@dataclass(frozen=True)
class Case:
    """An order with one wrong field of its own."""

    label: str
    rpc: str
    spoiled: Callable[[Scene], dict[str, Any]]
    expected: set[str]


CASES = [
    Case("payee-unknown", "Pay", lambda s: {"payee_number": UNKNOWN_NUMBER, "amount_fen": 1},
         {"PAYEE_CANNOT_BE_PAID"}),
    Case("payee-mistyped", "Pay", lambda s: {"payee_number": "6201000000000000"},
         {"FIELD_INVALID"}),
    Case("payee-short", "Pay", lambda s: {"payee_number": "62010"}, {"FIELD_INVALID"}),
    Case("payee-full-width", "Pay", lambda s: {"payee_number": "６２０１０００００００００００１"},
         {"FIELD_INVALID"}),
    Case("payee-missing", "Pay", lambda s: {"payee_number": ""}, UNSET),
    Case("payee-is-payer", "Pay", lambda s: {"payee_number": s.alice.number, "amount_fen": 1},
         {"SAME_ACCOUNT"}),
    Case("memo-too-long", "Pay", lambda s: {"memo": "x" * 141}, {"FIELD_INVALID"}),
    Case("too-much", "Pay", lambda s: {"amount_fen": 50_001}, {"INSUFFICIENT_FUNDS"}),
    Case("over-the-single-limit", "Pay", lambda s: {"amount_fen": 5_000_001},
         {"OVER_SINGLE_LIMIT"}),
    Case("no-direction", "Exchange", lambda s: {"direction": 0}, UNSET),
    Case("direction-77", "Exchange", lambda s: {"direction": 77}, {"FIELD_INVALID"}),
    Case("no-medium", "Exchange", lambda s: {"medium": 0}, UNSET),
    Case("medium-77", "Exchange", lambda s: {"medium": 77}, {"FIELD_INVALID"}),
    Case("not-empty", "CloseWallet", lambda s: {}, {"WALLET_NOT_EMPTY"}),
    Case("device-key-of-31-bytes", "CertifyDevice", lambda s: {"device_key": bytes(31)},
         {"FIELD_INVALID"}),
    Case("device-key-missing", "CertifyDevice", lambda s: {"device_key": b""},
         UNSET),
    Case("device-not-certified", "LoadTokens", lambda s: {"amount_fen": 1}, {"DEVICE_UNKNOWN"}),
    Case("not-a-payment", "DepositTokens", lambda s: {}, {"FIELD_INVALID"}),
    Case("deposit-of-17-kB", "DepositTokens", lambda s: {"offline_payment": bytes(16_385)},
         {"FIELD_INVALID"}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{case.rpc}-{case.label}" for case in CASES])
def test_an_order_with_one_wrong_field_is_refused(scene: Scene, case: Case) -> None:
    rpc = next(found for found in SIGNED if found.label == case.rpc)
    refusal = refused(lambda: rpc.call(scene, _order(scene, rpc, **case.spoiled(scene))))
    assert refusal.name in case.expected, refusal.message


def test_a_payment_to_a_bank_that_is_not_there_ends_refused(scene: Scene) -> None:
    answer = scene.alice.pay(NO_BANK, 1)
    assert answer.state == states_pb2.PAYMENT_STATE_REFUSED
    assert answer.reason == e.REASON_BANK_UNKNOWN
    assert answer.available_fen == 50_000


# Bulk calls: each item has its own answer, and too many of them none.


@pytest.mark.parametrize(
    ("call", "request_type"),
    [("payments.PayMany", payments_pb2.PayManyRequest),
     ("exchange.ExchangeMany", exchange_pb2.ExchangeManyRequest)],
)  # fmt: skip
def test_a_bulk_call_answers_each_item_by_itself(
    scene: Scene, call: str, request_type: Any
) -> None:
    service, _, method = call.partition(".")
    rpc = SIGNED[0] if method == "PayMany" else SIGNED[1]
    orders = [spoil(scene, rpc) for label, spoil, _ in SPOILERS if label != "payload-of-a-megabyte"]
    expected = [names for label, _, names in SPOILERS if label != "payload-of-a-megabyte"]
    stub = getattr(getattr(scene.alpha, service), method)
    answers = stub(request_type(orders=orders), timeout=TIMEOUT_S).items
    assert len(answers) == len(orders)
    for answer, names in zip(answers, expected, strict=True):
        assert answer.state == states_pb2.PAYMENT_STATE_REFUSED
        assert reason_name(answer.reason) in names


def test_an_oversized_batch_is_refused_whole(scene: Scene) -> None:
    order = scene.alice.payment(scene.mallory.number, 1, sequence=1_000_000)
    exchange = scene.alice.exchange_order(1, sequence=1_000_001)
    opened = wallets_pb2.OpenWalletRequest()
    calls = [
        lambda: scene.alpha.payments.PayMany(
            payments_pb2.PayManyRequest(orders=[order] * (MAX_ITEMS + 1)), timeout=TIMEOUT_S
        ),
        lambda: scene.alpha.exchange.ExchangeMany(
            exchange_pb2.ExchangeManyRequest(orders=[exchange] * (MAX_ITEMS + 1)), timeout=TIMEOUT_S
        ),
        lambda: scene.alpha.wallets.OpenWallets(
            wallets_pb2.OpenWalletsRequest(items=[opened] * (MAX_ITEMS + 1)),
            timeout=TIMEOUT_S,
        ),
    ]
    for call in calls:
        assert refused(call).reason == e.REASON_TOO_MANY_ITEMS


# Calls that nobody signs.


def _open_request(**spoiled: Any) -> wallets_pb2.OpenWalletRequest:
    return opening_request("alpha", now_ms(), **spoiled)


OPENINGS = [
    ("no-id", {"request_id": ""}, "request_id"),
    ("id-is-no-uuid", {"request_id": "42"}, "request_id"),
    ("no-key", {"public_key": b""}, "public_key"),
    ("key-of-33-bytes", {"public_key": bytes(33)}, "public_key"),
    ("another-key", {"public_key": bytes(SigningKey.generate().verify_key)}, "public_key"),
    ("weak-key", {"key_id": (b"\x01" + bytes(31)).hex().encode()}, "public_key"),
    ("no-key-id", {"key_id": b""}, "order.key_id"),
    ("another-bank", {"bank": "beta"}, "bank"),
    ("nobody", {"holder_name": ""}, "holder_name"),
    ("name-too-long", {"holder_name": "x" * 500}, "holder_name"),
    ("phone-is-no-phone", {"holder_name": "", "phone": "call me"}, "phone"),
]


@pytest.mark.parametrize(
    ("spoiled", "field"),
    [(spoiled, field) for _, spoiled, field in OPENINGS],
    ids=[label for label, _, _ in OPENINGS],
)
def test_a_wallet_is_not_opened_for_a_spoiled_request(
    scene: Scene, spoiled: dict[str, Any], field: str
) -> None:
    request = _open_request(**spoiled)
    refusal = refused(lambda: scene.alpha.wallets.OpenWallet(request, timeout=TIMEOUT_S))
    assert refusal.name in {"FIELD_MISSING", "FIELD_INVALID"}
    assert refusal.field == field


def test_a_wallet_is_not_opened_for_a_key_that_did_not_sign(scene: Scene) -> None:
    request = _open_request(signer=SigningKey.generate())
    refusal = refused(lambda: scene.alpha.wallets.OpenWallet(request, timeout=TIMEOUT_S))
    assert (refusal.name, refusal.field) == ("SIGNATURE_INVALID", "signature")
    many = wallets_pb2.OpenWalletsRequest(items=[_open_request(), request])
    refusal = refused(lambda: scene.alpha.wallets.OpenWallets(many, timeout=TIMEOUT_S))
    assert (refusal.name, refusal.field) == ("SIGNATURE_INVALID", "items[1].signature")


def test_a_request_id_used_again_by_its_key_for_somebody_else_is_refused(scene: Scene) -> None:
    key, wanted = SigningKey.generate(), str(uuid.uuid4())
    first, again, other = (
        _open_request(key=key, request_id=wanted, holder_name=name)
        for name in ("Somebody", "Somebody", "Mallory")
    )
    opened = scene.alpha.wallets.OpenWallet(first, timeout=TIMEOUT_S)
    repeated = scene.alpha.wallets.OpenWallet(again, timeout=TIMEOUT_S)
    assert repeated.wallet_number == opened.wallet_number
    refusal = refused(lambda: scene.alpha.wallets.OpenWallet(other, timeout=TIMEOUT_S))
    assert refusal.reason == e.REASON_ID_REUSED


GAMMA = SigningKey(b"\x1c" * 32)
GAMMA_KEY = bytes(GAMMA.verify_key)


def _admission(
    prefix: str, key: bytes = GAMMA_KEY, proof: bytes = possession(GAMMA, "gamma")
) -> office_pb2.AdmitBank:
    return office_pb2.AdmitBank(
        name="gamma",
        prefix=prefix,
        certificate_fingerprint="ab" * 32,
        business_key=key,
        inner_address="127.0.0.1:1",
        proof=proof,
    )


OFFICE = [
    ("pay-in-zero", office_pb2.PayInReserves(bank="alpha"), "AMOUNT_INVALID"),
    ("pay-in-minus-one", office_pb2.PayInReserves(bank="alpha", amount_fen=-1), "AMOUNT_INVALID"),
    ("pay-in-2^63-1", office_pb2.PayInReserves(bank="alpha", amount_fen=2**63 - 1),
     "AMOUNT_INVALID"),
    ("pay-in-unknown-bank", office_pb2.PayInReserves(bank="omega", amount_fen=1), "BANK_UNKNOWN"),
    ("pay-out-too-much", office_pb2.PayOutReserves(bank="alpha", amount_fen=10**12),
     "RESERVES_SHORT"),
    ("issue-zero", office_pb2.Issue(bank="alpha"), "AMOUNT_INVALID"),
    ("issue-too-much", office_pb2.Issue(bank="alpha", amount_fen=10**12), "RESERVES_SHORT"),
    ("redeem-too-much", office_pb2.Redeem(bank="alpha", amount_fen=10**12), "CIRCULATION_SHORT"),
    ("issue-unknown-bank", office_pb2.Issue(bank="omega", amount_fen=1), "BANK_UNKNOWN"),
    ("issue-unknown-request",
     office_pb2.Issue(bank="alpha", amount_fen=1, request_id=str(uuid.uuid4())),
     "REQUEST_UNKNOWN"),
    ("suspend-unknown", office_pb2.SuspendBank(name="omega"), "BANK_UNKNOWN"),
    ("reinstate-unknown", office_pb2.ReinstateBank(name="omega"), "BANK_UNKNOWN"),
    ("admit-key-of-3-bytes", _admission("6203", b"abc"), "FIELD_INVALID"),
    ("admit-prefix-taken", _admission("6201"), "ALREADY_EXISTS"),
    ("admit-key-that-nobody-shows", _admission("6203", proof=b""), "FIELD_MISSING"),
    ("admit-key-of-another-bank", _admission("6203", proof=possession(GAMMA, "delta")),
     "SIGNATURE_INVALID"),
    ("revoke-key-of-3-bytes", office_pb2.RevokeDevice(bank="alpha", device_key=b"abc"),
     "FIELD_INVALID"),
    ("freeze-at-the-central-bank", office_pb2.FreezeWallet(wallet_number=UNKNOWN_NUMBER),
     "FIELD_INVALID"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(kind, expected) for _, kind, expected in OFFICE],
    ids=[label for label, _, _ in OFFICE],
)
def test_an_officer_is_refused_what_cannot_be(scene: Scene, kind: Any, expected: str) -> None:
    with scene.system.central("lin") as office:
        assert refused(lambda: office.propose(kind)).name == expected


def test_an_act_wants_an_id_that_is_one_and_that_is_known(scene: Scene) -> None:
    kind = office_pb2.PayInReserves(bank="alpha", amount_fen=1)
    with scene.system.central("lin") as office:
        assert refused(lambda: office.propose(kind, act_id="42")).name == "FIELD_INVALID"
        assert refused(lambda: office.act(str(uuid.uuid4()))).name == "REQUEST_UNKNOWN"
        assert refused(lambda: office.act("42")).name == "FIELD_INVALID"


def test_officers_of_a_bank_may_not_sit_at_the_central_desk(scene: Scene) -> None:
    with scene.system.central("wang") as office:
        kind = office_pb2.PayInReserves(bank="alpha", amount_fen=100)
        for call in (lambda: office.propose(kind), office.books, office.requests, office.banks):
            assert refused(call).name == "ROLE_NOT_ALLOWED"


def test_freezing_wants_a_known_wallet_and_a_cause(scene: Scene) -> None:
    with BankOfficerClient(scene.system.plan, "alpha") as office:
        unknown = office_pb2.FreezeWallet(wallet_number=UNKNOWN_NUMBER)
        assert refused(lambda: office.propose(unknown)).name == "WALLET_UNKNOWN"
        kind = office_pb2.FreezeWallet(wallet_number=scene.alice.number)
        no_cause = refused(lambda: office.propose(kind, ""))
        assert (no_cause.name, no_cause.field) == ("FIELD_MISSING", "cause")
        long = refused(lambda: office.propose(kind, "x" * 201))
        assert (long.name, long.field) == ("FIELD_INVALID", "cause")
        issue = office_pb2.Issue(bank="alpha", amount_fen=1)
        assert refused(lambda: office.propose(issue)).name == "FIELD_INVALID"


def test_page_tokens_and_sizes_are_checked(scene: Scene) -> None:
    def page(**fields: Any) -> Any:
        request = payments_pb2.ListPaymentsRequest(query=scene.alice.query(LIST_PAYMENTS), **fields)
        return scene.alpha.payments.ListPayments(request, timeout=TIMEOUT_S)

    assert refused(lambda: page(page_token="garbage")).name == "PAGE_TOKEN_INVALID"
    assert refused(lambda: page(page_size=-1)).field == "page_size"
    assert refused(lambda: page(page_size=501)).field == "page_size"


def test_a_call_without_a_deadline_is_refused(scene: Scene) -> None:
    raw = grpc.secure_channel(
        scene.system.plan.bank("alpha").public_address,
        grpc.ssl_channel_credentials(scene.system.plan.root_certificate.read_bytes()),
        served_by(parties.bank("alpha")),
    )
    call = raw.unary_unary("/dcep.bank.v1.OfflineService/GetTrustBundle")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"")
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    raw.close()
