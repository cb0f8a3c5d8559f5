"""Orders spoiled in one way each: a status with a reason, nothing moved, and all goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from currency import number
from dcep.bank.v1 import (
    orders_pb2,
    states_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2 as e
from sandbox.demo.environment import refused
from tests.integration.bad_input.scene import (
    SIGNED,
    SPOILERS,
    UNKNOWN_NUMBER,
    UNSET,
    Scene,
    Signed,
    good_order,
)
from tests.integration.raw_wallet import (
    now_ms,
)

pytestmark = pytest.mark.xdist_group("shared-stack")
NO_BANK = number.make("9999", 1)

JUDGED_BEFORE_TIME = {
    "LoadTokens": {"DEVICE_UNKNOWN"},
    "DepositTokens": {"FIELD_INVALID"},
    "Refund": {"PAYMENT_UNKNOWN"},
    "PayAsked": {"REQUEST_TO_PAY_UNKNOWN"},
}
"""What is looked at before the expiry: the device, the refunded payment, the paid request."""


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
    refusal = refused(lambda: rpc.call(scene, good_order(scene, rpc, **spoiled)))
    assert refusal.name in {"FIELD_INVALID", "VALIDITY_TOO_LONG"}
    assert refusal.field == next(iter(spoiled))


MOVING = [rpc for rpc in SIGNED if rpc.moves_amount]
SEQUENCED = [rpc for rpc in SIGNED if "sequence" in rpc.kind.DESCRIPTOR.fields_by_name]


@pytest.mark.parametrize("rpc", MOVING, ids=[rpc.label for rpc in MOVING])
@pytest.mark.parametrize("amount_fen", [0, -1, 2**63 - 1, -(2**63), 10**13 + 1])
def test_an_impossible_amount_is_refused(scene: Scene, rpc: Signed, amount_fen: int) -> None:
    refusal = refused(lambda: rpc.call(scene, good_order(scene, rpc, amount_fen=amount_fen)))
    assert refusal.reason == e.REASON_AMOUNT_INVALID
    assert refusal.field == "amount_fen"


@pytest.mark.parametrize("rpc", SEQUENCED, ids=[rpc.label for rpc in SEQUENCED])
@pytest.mark.parametrize("sequence", [0, 2**53, 2**64 - 1])
def test_an_impossible_sequence_is_refused(scene: Scene, rpc: Signed, sequence: int) -> None:
    refusal = refused(lambda: rpc.call(scene, good_order(scene, rpc, sequence=sequence)))
    assert refusal.name in {"SEQUENCE_INVALID", "FIELD_MISSING"}
    assert refusal.field == "sequence"


def test_the_same_id_with_other_content_is_its_own_error(scene: Scene) -> None:
    pay = SIGNED[0]
    sequence = scene.alice.take_sequence()
    first = refused(lambda: pay.call(scene, good_order(scene, pay, sequence=sequence)))
    assert first.name == "OVER_SINGLE_LIMIT"
    other = refused(
        lambda: pay.call(scene, good_order(scene, pay, sequence=sequence, amount_fen=5))
    )
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
    Case("of-nothing", "Refund", lambda s: {}, {"PAYMENT_UNKNOWN"}),
    Case("of-no-id", "Refund", lambda s: {"refunds_payment_id": ""}, UNSET),
    Case("of-a-long-id", "Refund", lambda s: {"refunds_payment_id": "6" * 200}, {"FIELD_INVALID"}),
    Case("nowhere", "Refund", lambda s: {"refunds_position": 0}, UNSET),
    Case("far-beyond", "Refund", lambda s: {"refunds_position": 1 << 63}, {"FIELD_INVALID"}),
    Case("memo-too-long", "Refund", lambda s: {"memo": "x" * 141}, {"FIELD_INVALID"}),
    Case("of-nobody", "PayAsked", lambda s: {}, {"REQUEST_TO_PAY_UNKNOWN"}),
    Case("without-a-request", "PayAsked", lambda s: {"request_to_pay_id": ""}, UNSET),
    Case("without-what-was-seen", "PayAsked", lambda s: {"request_to_pay_digest": b""}, UNSET),
    Case("for-pay", "Pay", lambda s: {"request_to_pay_id": f"{s.bob.number}-{'0' * 32}"},
         {"FIELD_INVALID"}),
    Case("asks-itself", "Ask", lambda s: {"payer_number": s.alice.number}, {"SAME_ACCOUNT"}),
    Case("asks-no-number", "Ask", lambda s: {"payer_number": "6201000000000000"},
         {"FIELD_INVALID"}),
    Case("due-before", "Ask", lambda s: {"due_time_ms": 1}, {"FIELD_INVALID"}),
    Case("due-in-years", "Ask", lambda s: {"due_time_ms": 253_402_300_799_999}, {"FIELD_INVALID"}),
    Case("text-with-an-escape", "Ask", lambda s: {"text": "\x1b[2J"}, {"FIELD_INVALID"}),
    Case("nonce-of-15-bytes", "Ask", lambda s: {"nonce": bytes(15)}, {"FIELD_INVALID"}),
    Case("change-77", "ChangeAsked", lambda s: {"change": 77}, {"FIELD_INVALID"}),
    Case("change-of-nothing", "ChangeAsked", lambda s: {}, {"REQUEST_TO_PAY_UNKNOWN"}),
    Case("blocks-no-number", "BlockAsker", lambda s: {"asker_number": "12"}, {"FIELD_INVALID"}),
    Case("wish-77", "AddAlias", lambda s: {"wish": 77}, {"FIELD_INVALID"}),
    Case("wishes-to-remove", "AddAlias", lambda s: {"wish": orders_pb2.ALIAS_WISH_REMOVE},
         {"FIELD_INVALID"}),
    Case("wishes-to-add", "RemoveAlias", lambda s: {"wish": orders_pb2.ALIAS_WISH_ADD},
         {"FIELD_INVALID"}),
    Case("another-banks", "AddAlias", lambda s: {"bank": "beta"}, {"FIELD_INVALID"}),
    Case("of-another-text", "AddAlias", lambda s: {"alias_digest": bytes(32)}, {"FIELD_INVALID"}),
    Case("digest-of-31-bytes", "AddAlias", lambda s: {"alias_digest": bytes(31)},
         {"FIELD_INVALID"}),
    Case("an-alias-of-nobody", "RemoveAlias", lambda s: {}, {"ALIAS_UNKNOWN"}),
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
    refusal = refused(lambda: rpc.call(scene, good_order(scene, rpc, **case.spoiled(scene))))
    assert refusal.name in case.expected, refusal.message


def test_a_payment_to_a_bank_that_is_not_there_ends_refused(scene: Scene) -> None:
    answer = scene.alice.pay(NO_BANK, 1)
    assert answer.state == states_pb2.PAYMENT_STATE_REFUSED
    assert answer.reason == e.REASON_BANK_UNKNOWN
    assert answer.available_fen == 50_000
