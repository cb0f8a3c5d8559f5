"""Signed bytes: Ed25519 (RFC 8032) over a tag and a payload, verified before anything is parsed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.ed25519 import SIGNATURE_BYTES, verified
from runtime.errors import Refusal
from runtime.limits import MAX_PAYLOAD_BYTES
from runtime.signing_keys import Signer

if TYPE_CHECKING:  # its compiled loop is not for those who verify one
    import numpy as np
    from numpy.typing import NDArray

    from runtime.signatures import Check, SignatureVerifier


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
    check_form(envelope, max_payload_bytes=max_payload_bytes)
    if not verified(public_key, signed_bytes(tag, envelope.payload), envelope.signature):
        raise wrong_signature()
    return envelope.payload


def check_form(envelope: SignedEnvelope, *, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> None:
    """That payload and signature have a length that can be; FIELD_INVALID if not."""
    if len(envelope.signature) != SIGNATURE_BYTES:
        raise Refusal(
            errors_pb2.REASON_FIELD_INVALID,
            f"a signature has {SIGNATURE_BYTES} bytes, not {len(envelope.signature)}",
            field="signature",
        )
    if not 0 < len(envelope.payload) <= max_payload_bytes:
        raise Refusal(
            errors_pb2.REASON_FIELD_INVALID,
            f"a payload has 1 to {max_payload_bytes} bytes, not {len(envelope.payload)}",
            field="payload",
        )


def wrong_signature() -> Refusal:
    """What is said of a signature that does not hold, and of a key that nobody knows."""
    return Refusal(
        errors_pb2.REASON_SIGNATURE_INVALID,
        "the signature is not by the key of key_id over this payload",
        field="signature",
    )


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
