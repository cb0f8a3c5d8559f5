"""What comes from others: its length, fields that nobody knows, and each field's bounds."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import Int32Value

from dcep.bank.v1 import edge_pb2, inbound_pb2, orders_pb2, payments_pb2, states_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from runtime.bounds import greatest_bytes, too_long
from runtime.channel import _Call, _Stream
from runtime.errors import BadAnswer, NoAnswer
from runtime.messages import check, check_answer, read, read_payload
from tests.refusals import refused

UUID = "123e4567-e89b-42d3-a456-426614174000"
NUMBER = "6201000000000012"
MAX = (1 << 53) - 1
UNKNOWN = b"\xfa\xf0\x04\x03abc"
"""Field 9999."""


def order(**changes: Any) -> orders_pb2.PaymentOrder:
    """A payment order within its bounds."""
    values: dict[str, Any] = {
        "wallet_number": NUMBER, "sequence": 7, "payee_number": "6201000000000020",
        "amount_fen": 1250, "created_time_ms": 1_764_000_000_000,
        "expires_time_ms": 1_764_000_060_000, "memo": "concert",
    }  # fmt: skip
    return orders_pb2.PaymentOrder(**{**values, **changes})


def payment(**changes: Any) -> registration_pb2.OutboundPayment:
    """A payment to another bank within its bounds."""
    values: dict[str, Any] = {
        "number": 1, "payment_id": f"{NUMBER}-7", "payer_number": NUMBER,
        "payee_number": "6202000000000010", "amount_fen": 1, "created_time_ms": 1,
        "expires_time_ms": 2,
    }  # fmt: skip
    return registration_pb2.OutboundPayment(**{**values, **changes})


def envelope(payload: bytes = b"x") -> SignedEnvelope:
    return SignedEnvelope(payload=payload, signature=bytes(64), key_id=NUMBER.encode())


EDGES: list[tuple[dict[str, Any], tuple[str, str] | None]] = [
    ({"amount_fen": 1}, None),
    ({"amount_fen": 10**13}, None),
    ({"amount_fen": 0}, ("AMOUNT_INVALID", "amount_fen")),
    ({"amount_fen": -1}, ("AMOUNT_INVALID", "amount_fen")),
    ({"amount_fen": 10**13 + 1}, ("AMOUNT_INVALID", "amount_fen")),
    ({"amount_fen": 2**63 - 1}, ("AMOUNT_INVALID", "amount_fen")),
    ({"sequence": MAX}, None),
    ({"sequence": 0}, ("SEQUENCE_INVALID", "sequence")),
    ({"sequence": MAX + 1}, ("SEQUENCE_INVALID", "sequence")),
    ({"sequence": 2**64 - 1}, ("SEQUENCE_INVALID", "sequence")),
    ({"created_time_ms": 0}, ("FIELD_MISSING", "created_time_ms")),
    ({"created_time_ms": -1}, ("FIELD_INVALID", "created_time_ms")),
    ({"expires_time_ms": 253_402_300_799_999}, None),
    ({"expires_time_ms": 253_402_300_800_000}, ("FIELD_INVALID", "expires_time_ms")),
    ({"wallet_number": ""}, ("FIELD_MISSING", "wallet_number")),
    ({"wallet_number": NUMBER[:-1]}, ("FIELD_INVALID", "wallet_number")),
    ({"wallet_number": NUMBER + "1"}, ("FIELD_INVALID", "wallet_number")),
    ({"payee_number": "６２０１" + NUMBER[4:]}, ("FIELD_INVALID", "payee_number")),
    ({"memo": ""}, None),
    ({"memo": "é" * 140}, None),
    ({"memo": "x" * 141}, ("FIELD_INVALID", "memo")),
    ({"memo": "line\nfeed"}, ("FIELD_INVALID", "memo")),
    ({"memo": "right\u202eleft"}, ("FIELD_INVALID", "memo")),
    ({"memo": "isolate\u2066"}, ("FIELD_INVALID", "memo")),
]


@pytest.mark.parametrize(("changes", "expected"), EDGES)
def test_an_order_is_within_the_bounds_of_its_fields(
    changes: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    payload = order(**changes).SerializeToString()
    if expected is None:
        assert read_payload(orders_pb2.PaymentOrder, payload) == order(**changes)
    else:
        assert refused(lambda: read_payload(orders_pb2.PaymentOrder, payload)) == expected


R = registration_pb2
DEEP: list[tuple[Message, tuple[str, str]]] = [
    (R.OutboundBatch(bank="alpha", created_time_ms=1, expires_time_ms=2),
     ("FIELD_MISSING", "payments")),
    (R.OutboundBatch(bank="alpha", created_time_ms=1, expires_time_ms=2,
                     payments=[payment(), payment(), payment(), payment(number=MAX + 1)]),
     ("FIELD_INVALID", "payments[3].number")),
    (R.OutboundBatch(bank="alpha", created_time_ms=1, expires_time_ms=2,
                     payments=[payment(returns_payment_id="x" * 49)]),
     ("FIELD_INVALID", "payments[0].returns_payment_id")),
    (R.OutboundBatch(bank="Alpha", created_time_ms=1, expires_time_ms=2, payments=[payment()]),
     ("FIELD_INVALID", "bank")),
    (R.TokenDeposit(bank="alpha", created_time_ms=1, expires_time_ms=2,
                    items=[R.TokenDepositItem(number=0, offline_payment=b"x")]),
     ("FIELD_MISSING", "items[0].number")),
    (R.TokenDeposit(bank="alpha", created_time_ms=1, expires_time_ms=2,
                    items=[R.TokenDepositItem(number=1, offline_payment=b"x",
                                              own_device_keys=[bytes(32), bytes(31)])]),
     ("FIELD_INVALID", "items[0].own_device_keys[1]")),
    (R.TokenRegistration(bank="alpha", number=1 << 63, amount_fen=1, device_certificate=b"x",
                         created_time_ms=1, expires_time_ms=2),
     ("FIELD_INVALID", "number")),
    (wallets_pb2.GetWalletRequest(), ("FIELD_MISSING", "query")),
    (wallets_pb2.GetWalletRequest(query=SignedEnvelope()), ("FIELD_MISSING", "query.payload")),
    (payments_pb2.PayRequest(
        order=SignedEnvelope(payload=b"x", signature=bytes(63), key_id=b"62")),
     ("FIELD_INVALID", "order.signature")),
    (payments_pb2.PayRequest(
        order=SignedEnvelope(payload=b"x", signature=bytes(64), key_id=b"\xff")),
     ("FIELD_INVALID", "order.key_id")),
    (wallets_pb2.GetWalletRequest(query=envelope(bytes(too_long(orders_pb2.Query.DESCRIPTOR)))),
     ("FIELD_INVALID", "query.payload")),
    (payments_pb2.PayManyRequest(orders=[envelope()] * 8_191), ("TOO_MANY_ITEMS", "orders")),
    (payments_pb2.ListPaymentsRequest(query=envelope(), page_size=501),
     ("FIELD_INVALID", "page_size")),
    (payments_pb2.ListPaymentsRequest(query=envelope(), page_token="x" * 65),
     ("PAGE_TOKEN_INVALID", "page_token")),
    (issuance_pb2.CreateRequestRequest(request_id=UUID, bank="alpha", amount_fen=1),
     ("FIELD_MISSING", "direction")),
    (issuance_pb2.CreateRequestRequest(request_id=UUID, bank="alpha", amount_fen=1,
                                       direction=78),  # type: ignore[arg-type]
     ("FIELD_INVALID", "direction")),
    (issuance_pb2.CreateRequestRequest(request_id="42", bank="alpha", amount_fen=1,
                                       direction=issuance_pb2.DIRECTION_ISSUE),
     ("FIELD_INVALID", "request_id")),
    (issuance_pb2.ListRequestsRequest(state=78), ("FIELD_INVALID", "state")),  # type: ignore[arg-type]
    (states_pb2.ItemAnswer(state=1, reason=89), ("FIELD_INVALID", "reason")),  # type: ignore[arg-type]
    (R.FeedEntry(number=1, position=1, time_ms=1), ("FIELD_MISSING", "event")),
    (office_pb2.OfficerAct(act_id=UUID, institution="alpha", officer="wang", created_time_ms=1,
                           expires_time_ms=2, cause=" \n",
                           freeze_wallet=office_pb2.FreezeWallet(wallet_number=NUMBER)),
     ("FIELD_INVALID", "cause")),
]  # fmt: skip


@pytest.mark.parametrize(("message", "expected"), DEEP, ids=lambda value: str(value)[:40])
def test_a_refusal_names_the_field_by_its_path(message: Message, expected: tuple[str, str]) -> None:
    assert refused(lambda: check(message)) == expected
    if not isinstance(message, SignedEnvelope):
        kind = type(message)
        if message.ByteSize() <= greatest_bytes(message.DESCRIPTOR):
            assert refused(lambda: read(kind, message.SerializeToString())) == expected


def test_what_may_be_left_out_may() -> None:
    check(issuance_pb2.ListRequestsRequest())
    check(payments_pb2.ListPaymentsRequest(query=envelope()))
    check(office_pb2.PaySuspense(position=1))
    check(office_pb2.Issue(bank="alpha", amount_fen=1))


def test_items_with_an_answer_each_are_left_to_who_answers() -> None:
    wrong = SignedEnvelope(payload=b"x", signature=b"short", key_id=b"\xff")
    check(payments_pb2.PayManyRequest(orders=[wrong]))
    check(edge_pb2.PayTogetherRequest(requests=[b""]))
    assert refused(lambda: check(wrong))[1] == "signature"


def nested(inner: bytes) -> bytes:
    """A PayRequest whose envelope carries these bytes too."""
    body = envelope().SerializeToString() + inner
    return b"\x0a" + bytes([len(body)]) + body


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        (payments_pb2.PayRequest, nested(b"") + UNKNOWN, "9999"),
        (payments_pb2.PayRequest, nested(UNKNOWN), "order.9999"),
        (payments_pb2.PayManyRequest, nested(b"") + nested(UNKNOWN), "orders[1].9999"),
    ],
)
def test_a_field_that_nobody_knows_is_found_at_any_depth(
    kind: Any, data: bytes, field: str
) -> None:
    assert refused(lambda: read(kind, data)) == ("FIELD_UNKNOWN", field)


MEMO = orders_pb2.PaymentOrder(memo="m" * 140).SerializeToString()


@pytest.mark.parametrize(
    "padding",
    [
        pytest.param(MEMO, id="a-memo-that-comes-twice"),
        pytest.param(b"\x10\x07", id="a-number-that-comes-twice"),
        pytest.param(b"\x10\x00", id="a-zero-that-nobody-writes"),
    ],
)
def test_a_payload_is_no_longer_than_its_fields_need(padding: bytes) -> None:
    payload = padding + order().SerializeToString()
    found = refused(lambda: read_payload(orders_pb2.PaymentOrder, payload))
    assert found == ("MESSAGE_TOO_LONG", "payload")


def test_a_number_has_one_length() -> None:
    whole = order(memo="").SerializeToString()
    assert whole.count(b"\x10\x07") == 1
    long = whole.replace(b"\x10\x07", b"\x10\x87\x80\x00")
    assert orders_pb2.PaymentOrder.FromString(long) == order(memo="")
    found = refused(lambda: read_payload(orders_pb2.PaymentOrder, long))
    assert found == ("MESSAGE_TOO_LONG", "payload")


def test_a_payload_of_a_memo_16_kilobytes_of_times_is_not_even_parsed() -> None:
    payload = order().SerializeToString() + MEMO * 110
    found = refused(lambda: read_payload(orders_pb2.PaymentOrder, payload))
    assert found == ("FIELD_INVALID", "payload")


def test_a_shorter_way_to_write_a_list_is_fine() -> None:
    answer = inbound_pb2.CheckPayeesResponse(can_be_paid=[True])
    unpacked = b"\x08\x01"
    assert len(unpacked) < answer.ByteSize()
    assert read(inbound_pb2.CheckPayeesResponse, unpacked) == answer
    unknown = unpacked + b"\x10\x01"
    assert refused(lambda: read(inbound_pb2.CheckPayeesResponse, unknown)) == ("FIELD_UNKNOWN", "2")


def test_the_longest_message_is_as_long_as_its_bounds_allow() -> None:
    longest = order(
        amount_fen=10**13, sequence=MAX, created_time_ms=253_402_300_799_999,
        expires_time_ms=253_402_300_799_999, memo="\U0001f600" * 140,
        request_to_pay_id=f"{'6' * 16}-{'f' * 32}", request_to_pay_digest=bytes(32),
        top_up_fen=10**13,
    )  # fmt: skip
    check(longest)
    assert longest.ByteSize() == greatest_bytes(orders_pb2.PaymentOrder.DESCRIPTOR)
    never_read = bytes(too_long(payments_pb2.PayRequest.DESCRIPTOR))
    assert refused(lambda: read(payments_pb2.PayRequest, never_read)) == ("MESSAGE_TOO_LONG", "")


BAD_ANSWERS: list[Message] = [
    wallets_pb2.GetWalletResponse(),
    payments_pb2.PayManyResponse(items=[states_pb2.ItemAnswer(state=1, reason=89)]),  # type: ignore[arg-type]
    inbound_pb2.CheckPayeesResponse(can_be_paid=[True] * 8_191),
    R.SubmitPaymentsResponse(outcomes=[R.Outcome(number=0, state=1)]),  # type: ignore[arg-type]
    R.FollowFeedResponse(entries=[b"x"]),
    R.FollowFeedResponse(entries=[bytes(2_049)], tip=envelope()),
    R.FollowFeedResponse.FromString(UNKNOWN),
]


@pytest.mark.parametrize("answer", BAD_ANSWERS, ids=lambda value: type(value).__name__)
def test_an_answer_beyond_the_contract_is_none(answer: Message) -> None:
    with pytest.raises(BadAnswer):
        check_answer(copy_of(answer))
    assert issubclass(BadAnswer, NoAnswer)


def copy_of(answer: Message) -> Message:
    """Another with the same bytes: what is unknown in an answer is dropped when it is found."""
    return type(answer).FromString(answer.SerializeToString())


class Answering:
    """A call or a stream of gRPC's with this answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def result(self, timeout: float | None) -> Any:
        return self.answer

    def __next__(self) -> Any:
        return self.answer


def test_channels_check_what_peers_answer() -> None:
    good = inbound_pb2.CheckPayeesResponse(can_be_paid=[True, False])
    assert _Call(Answering(good)).result() == next(_Stream(Answering(good))) == good
    for answer in BAD_ANSWERS:
        with pytest.raises(BadAnswer):
            _Call(Answering(copy_of(answer))).result()
        with pytest.raises(BadAnswer):
            next(_Stream(Answering(copy_of(answer))))
    foreign = Int32Value(value=-1)
    assert _Call(Answering(foreign)).result() is foreign


def test_a_plain_answer_has_no_bounds() -> None:
    check_answer(b"bytes")
    check_answer(grpc)
