"""Signed bytes: Ed25519 (RFC 8032) over a tag and a payload, verified before anything is parsed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from dcep.envelope.v1 import envelope_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.ed25519 import SIGNATURE_BYTES, verified
from runtime.errors import Refusal
from runtime.messages import check
from runtime.signing_keys import Signer

if TYPE_CHECKING:  # its compiled loop is not for those who verify one
    import numpy as np
    from numpy.typing import NDArray

    from runtime.signatures import Check, SignatureVerifier

KEY_ID_DIGITS = 16
_POSSESSION_TAG = "key-possession/v1"


def key_id(public_key: bytes) -> bytes:
    """By what a key is named that has no other name: the head of its SHA-256, hexadecimal."""
    return hashlib.sha256(public_key).hexdigest()[:KEY_ID_DIGITS].encode("ascii")


def tagged(tag: str, payload: bytes) -> bytes:
    """What is signed: the tag keeps a signature from being moved to another kind of statement."""
    return b"dcep:" + tag.encode("ascii") + b"\0" + payload


@cache
def tag_of(kind: Descriptor) -> str:
    """The tag under which a message of this type is signed; its option in the contract says it.

    Raises:
        TypeError: nobody signs such a message.
    """
    tag: str = kind.GetOptions().Extensions[envelope_pb2.tag]
    if not tag:
        raise TypeError(f"{kind.full_name} has no tag: nobody signs it")
    return tag


def signed_bytes(kind: type[Message], payload: bytes) -> bytes:
    """What is signed where the payload is a message of this type."""
    return tagged(tag_of(kind.DESCRIPTOR), payload)


def sign(statement: Message, key: Signer, key_id: bytes) -> SignedEnvelope:
    """Signs a message."""
    return sign_payload(type(statement), statement.SerializeToString(), key, key_id)


def sign_payload(kind: type[Message], payload: bytes, key: Signer, key_id: bytes) -> SignedEnvelope:
    """Signs the bytes of a message of this type."""
    signature = key.sign(signed_bytes(kind, payload))[:SIGNATURE_BYTES]
    return SignedEnvelope(payload=payload, signature=signature, key_id=key_id)


def verify(kind: type[Message], envelope: SignedEnvelope, public_key: bytes) -> bytes:
    """The payload, once its signature has been verified.

    Raises:
        Refusal: for what is beyond the envelope's bounds; SIGNATURE_INVALID.
    """
    return verify_by_one(kind, envelope, (public_key,))


def verify_by_one(
    kind: type[Message], envelope: SignedEnvelope, public_keys: Sequence[bytes]
) -> bytes:
    """As `verify`, by any of several keys: while one changes to the next, both are good."""
    check(envelope)
    message = signed_bytes(kind, envelope.payload)
    if not any(verified(key, message, envelope.signature) for key in public_keys):
        raise wrong_signature()
    return envelope.payload


def wrong_signature() -> Refusal:
    """What is said of a signature that does not hold, and of a key that nobody knows."""
    return Refusal(
        errors_pb2.REASON_SIGNATURE_INVALID,
        "the signature is not by the key of key_id over this payload",
        field="signature",
    )


def possession(key: Signer, owner: str) -> bytes:
    """The proof that somebody has the private half of a key: its signature over itself.

    Args:
        owner: whose key it is to be; a proof is for nobody else.
    """
    return key.sign(_of_itself(bytes(key.verify_key), owner))[:SIGNATURE_BYTES]


def possessed(public_key: bytes, owner: str, proof: bytes) -> bool:
    """Whether a key has signed for itself, as its owner's."""
    return verified(public_key, _of_itself(public_key, owner), proof)


def _of_itself(public_key: bytes, owner: str) -> bytes:
    return tagged(_POSSESSION_TAG, owner.encode() + b"\x00" + public_key)


def begin_many(
    kind: type[Message],
    envelopes: Sequence[SignedEnvelope],
    keys: Sequence[bytes | None],
    verifier: SignatureVerifier,
    *,
    most: int,
) -> Callable[[], NDArray[np.bool_]]:
    """Whether each envelope is signed by its key. Does not wait.

    A key of None is a no, and so is a payload of no bytes or of `most` and more.
    """
    head = signed_bytes(kind, b"")
    checks: list[Check] = []
    for envelope, key in zip(envelopes, keys, strict=True):
        payload = envelope.payload
        signer = key if key is not None and 0 < len(payload) < most else b""
        checks.append((signer, head + payload, envelope.signature))
    return verifier.begin(checks)
