"""Signed bytes: Ed25519 (RFC 8032) over a tag and a payload, verified before anything is parsed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nacl.bindings import crypto_sign_BYTES, crypto_sign_open
from nacl.exceptions import BadSignatureError

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from runtime.limits import MAX_PAYLOAD_BYTES
from runtime.signing_keys import SIGNATURE_BYTES, Signer

if TYPE_CHECKING:  # its compiled loop is not for those who verify one
    import numpy as np
    from numpy.typing import NDArray

    from runtime.signatures import Check, SignatureVerifier

PUBLIC_KEY_BYTES = 32


def signed_bytes(tag: str, payload: bytes) -> bytes:
    """What is signed: the tag keeps a signature from being moved to another kind of statement."""
    return b"dcep:" + tag.encode("ascii") + b"\0" + payload


def sign(tag: str, payload: bytes, key: Signer, key_id: bytes) -> SignedEnvelope:
    """Signs a payload."""
    signature = key.sign(signed_bytes(tag, payload))[:SIGNATURE_BYTES]
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


def begin_many(
    tag: str,
    envelopes: Sequence[SignedEnvelope],
    keys: Sequence[bytes | None],
    verifier: SignatureVerifier,
) -> Callable[[], NDArray[np.bool_]]:
    """Whether each envelope is signed by its key; a key of None is a no. Does not wait."""
    head = signed_bytes(tag, b"")
    checks: list[Check] = []
    for envelope, key in zip(envelopes, keys, strict=True):
        payload = envelope.payload
        signer = key if key is not None and 0 < len(payload) <= MAX_PAYLOAD_BYTES else b""
        checks.append((signer, head + payload, envelope.signature))
    return verifier.begin(checks)


def _verified(tag: str, envelope: SignedEnvelope, public_key: bytes) -> bool:
    if len(public_key) != PUBLIC_KEY_BYTES:
        return False
    try:
        crypto_sign_open(envelope.signature + signed_bytes(tag, envelope.payload), public_key)
    except BadSignatureError:
        return False
    return True
