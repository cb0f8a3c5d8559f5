"""Signed bytes: Ed25519 (RFC 8032) over a tag and a payload, verified before anything is parsed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

from nacl.bindings import crypto_sign_BYTES, crypto_sign_open
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from runtime.limits import MAX_PAYLOAD_BYTES

PUBLIC_KEY_BYTES = 32
_CHUNK = 256


def signed_bytes(tag: str, payload: bytes) -> bytes:
    """What is signed: the tag keeps a signature from being moved to another kind of statement."""
    return b"dcep:" + tag.encode("ascii") + b"\0" + payload


def sign(tag: str, payload: bytes, key: SigningKey, key_id: bytes) -> SignedEnvelope:
    """Signs a payload."""
    signature = key.sign(signed_bytes(tag, payload)).signature
    return SignedEnvelope(payload=payload, signature=signature, key_id=key_id)


def verify(
    tag: str,
    envelope: SignedEnvelope,
    public_key: bytes,
    *,
    max_payload_bytes: int = MAX_PAYLOAD_BYTES,
) -> bytes:
    """The payload, once its signature has been verified.

    Raises:
        Refusal: FIELD_INVALID for wrong lengths, SIGNATURE_INVALID.
    """
    if len(envelope.signature) != crypto_sign_BYTES:
        raise Refusal(
            errors_pb2.REASON_FIELD_INVALID,
            f"a signature has {crypto_sign_BYTES} bytes, not {len(envelope.signature)}",
            field="signature",
        )
    if not 0 < len(envelope.payload) <= max_payload_bytes:
        raise Refusal(
            errors_pb2.REASON_FIELD_INVALID,
            f"a payload has 1 to {max_payload_bytes} bytes, not {len(envelope.payload)}",
            field="payload",
        )
    if not _verified(tag, envelope, public_key):
        raise Refusal(
            errors_pb2.REASON_SIGNATURE_INVALID,
            "the signature is not by the key of key_id over this payload",
            field="signature",
        )
    return envelope.payload


def verify_many(
    tag: str,
    envelopes: Sequence[SignedEnvelope],
    keys: Sequence[bytes | None],
    pool: Executor | None,
) -> list[bool]:
    """Whether each envelope is signed by its key; a key of None is a no.

    The verification lets go of the interpreter's lock, so a pool of as many
    threads as there are cores uses them all.
    """
    if pool is None or len(envelopes) <= _CHUNK:
        return _verify_chunk(tag, envelopes, keys)
    starts = range(0, len(envelopes), _CHUNK)
    chunks = [
        pool.submit(_verify_chunk, tag, envelopes[at : at + _CHUNK], keys[at : at + _CHUNK])
        for at in starts
    ]
    return [answer for chunk in chunks for answer in chunk.result()]


def _verify_chunk(
    tag: str, envelopes: Sequence[SignedEnvelope], keys: Sequence[bytes | None]
) -> list[bool]:
    return [
        key is not None
        and len(envelope.signature) == crypto_sign_BYTES
        and 0 < len(envelope.payload) <= MAX_PAYLOAD_BYTES
        and _verified(tag, envelope, key)
        for envelope, key in zip(envelopes, keys, strict=True)
    ]


def _verified(tag: str, envelope: SignedEnvelope, public_key: bytes) -> bool:
    if len(public_key) != PUBLIC_KEY_BYTES:
        return False
    try:
        crypto_sign_open(envelope.signature + signed_bytes(tag, envelope.payload), public_key)
    except BadSignatureError:
        return False
    return True
