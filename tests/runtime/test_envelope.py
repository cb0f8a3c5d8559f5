"""Signed envelopes: only these bytes, by this signer, under this tag."""

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from runtime.bounds import of
from runtime.envelope import begin_many, sign_payload, tagged, verify
from runtime.signatures import SignatureVerifier
from tests.refusals import refused

KEY = SigningKey(b"\x01" * 32)
OTHER = SigningKey(b"\x02" * 32)
PUBLIC = bytes(KEY.verify_key)
ORDER = orders_pb2.PaymentOrder
NAME = b"somebody"
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


def unverified(
    envelope: SignedEnvelope, kind: type[Message] = ORDER, key: bytes = PUBLIC
) -> tuple[str, str]:
    """Why an envelope is refused, and the field that is named."""
    return refused(verify, kind, envelope, key)


@given(st.binary(min_size=1, max_size=200))
def test_the_payload_comes_out_as_it_was_signed(payload: bytes) -> None:
    envelope = sign_payload(ORDER, payload, KEY, b"wallet")
    assert verify(ORDER, envelope, PUBLIC) == payload
    assert envelope.key_id == b"wallet"


@given(st.binary(min_size=1, max_size=40), st.data())
def test_every_flipped_bit_is_seen(payload: bytes, data: st.DataObject) -> None:
    envelope = sign_payload(ORDER, payload, KEY, NAME)
    field = data.draw(st.sampled_from(["payload", "signature"]))
    content = bytearray(getattr(envelope, field))
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    setattr(envelope, field, bytes(content))
    assert unverified(envelope) == ("SIGNATURE_INVALID", "signature")


def test_another_signer_is_refused() -> None:
    invalid = ("SIGNATURE_INVALID", "signature")
    assert unverified(sign_payload(ORDER, b"pay", OTHER, NAME)) == invalid
    assert (
        unverified(sign_payload(ORDER, b"pay", KEY, NAME), key=bytes(OTHER.verify_key)) == invalid
    )
    assert unverified(sign_payload(ORDER, b"pay", KEY, NAME), key=PUBLIC[:-1]) == invalid


def test_a_signature_cannot_be_moved_to_another_tag() -> None:
    envelope = sign_payload(orders_pb2.Query, b"pay", KEY, NAME)
    assert unverified(envelope) == ("SIGNATURE_INVALID", "signature")


TAGS = st.text(alphabet="abcv1/-", min_size=1, max_size=12)


@given(TAGS, st.binary(max_size=12), TAGS, st.binary(max_size=12))
def test_two_statements_never_have_the_same_signed_bytes(
    tag: str, payload: bytes, other_tag: str, other: bytes
) -> None:
    same = (tag, payload) == (other_tag, other)
    assert (tagged(tag, payload) == tagged(other_tag, other)) == same


def test_a_payload_has_both_bounds() -> None:
    most = of(SignedEnvelope.DESCRIPTOR.fields_by_name["payload"]).max_bytes
    longest = sign_payload(ORDER, b"x" * most, KEY, NAME)
    assert len(verify(ORDER, longest, PUBLIC)) == most
    assert unverified(sign_payload(ORDER, b"", KEY, NAME)) == ("FIELD_MISSING", "payload")
    assert unverified(sign_payload(ORDER, b"x" * (most + 1), KEY, NAME)) == (
        "FIELD_INVALID",
        "payload",
    )


@pytest.mark.parametrize("length", [1, 63, 65])
def test_a_signature_has_one_length(length: int) -> None:
    envelope = SignedEnvelope(payload=b"pay", signature=b"s" * length, key_id=NAME)
    assert unverified(envelope) == ("FIELD_INVALID", "signature")


def test_a_signature_has_one_form() -> None:
    """S + L satisfies the same equation; were it accepted, one order would have two signatures."""
    envelope = sign_payload(ORDER, b"pay", KEY, NAME)
    scalar = int.from_bytes(envelope.signature[32:], "little") + GROUP_ORDER
    envelope.signature = envelope.signature[:32] + scalar.to_bytes(32, "little")
    assert unverified(envelope) == ("SIGNATURE_INVALID", "signature")


def test_a_key_that_anybody_can_sign_for_is_refused() -> None:
    """The neutral element as key and as R, with S = 0, satisfies the equation for every payload."""
    neutral = b"\x01" + bytes(31)
    envelope = SignedEnvelope(payload=b"pay", signature=neutral + bytes(32), key_id=NAME)
    assert unverified(envelope, key=neutral) == ("SIGNATURE_INVALID", "signature")


def test_many_are_verified_as_one_by_one_on_any_number_of_threads() -> None:
    envelopes = [sign_payload(ORDER, b"%d" % number, KEY, NAME) for number in range(600)]
    keys: list[bytes | None] = [PUBLIC] * 600
    envelopes[3].payload = b"altered"
    envelopes[255].signature = b"short"
    envelopes[256].payload = b""
    keys[257] = None
    keys[599] = bytes(OTHER.verify_key)
    expected = [number not in (3, 255, 256, 257, 599) for number in range(600)]
    for threads in (1, 2, 3):
        verifier = SignatureVerifier(threads)
        assert begin_many(ORDER, envelopes, keys, verifier, most=100)().tolist() == expected
        verifier.close()
