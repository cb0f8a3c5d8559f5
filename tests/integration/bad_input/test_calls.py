"""Bad batches, and bad calls that nobody signs: a status with a reason, and nothing moved."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from nacl.signing import SigningKey

from console.clients import BankOfficerClient
from currency import parties
from dcep.bank.v1 import (
    exchange_pb2,
    payments_pb2,
    states_pb2,
    wallets_pb2,
)
from dcep.errors.v1 import errors_pb2 as e
from dcep.office.v1 import office_pb2
from runtime.channel import served_by
from runtime.envelope import possession
from runtime.errors import reason_name
from sandbox.demo.environment import refused
from tests.integration.bad_input.scene import SIGNED, SPOILERS, UNKNOWN_NUMBER, Scene
from tests.integration.raw_wallet import (
    LIST_PAYMENTS,
    TIMEOUT_S,
    now_ms,
)
from tests.openings import opening

pytestmark = pytest.mark.xdist_group("shared-stack")
MAX_ITEMS = 8_190


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
    rpc = next(signed for signed in SIGNED if f"{signed.label}Many" == method)
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
    return opening("alpha", now_ms(), **spoiled)


OPENINGS = [
    ("no-id", {"request_id": ""}, "request_id"),
    ("id-is-no-uuid", {"request_id": "42"}, "request_id"),
    ("no-key", {"public_key": b""}, "public_key"),
    ("key-of-33-bytes", {"public_key": bytes(33)}, "public_key"),
    ("another-key", {"public_key": bytes(SigningKey.generate().verify_key)}, "public_key"),
    ("weak-key", {"key_id": (b"\x01" + bytes(31)).hex().encode()}, "public_key"),
    ("no-key-id", {"key_id": b""}, "order.key_id"),
    ("another-bank", {"bank": "beta"}, "bank"),
    ("nobody", {"holder_name": ""}, "holder.phone"),
    ("name-too-long", {"holder_name": "x" * 450}, "holder.name"),
    ("phone-is-no-phone", {"holder_name": "", "phone": "call me"}, "holder.phone"),
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
