"""Signing for the root, a bank, or a device that holds its key in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from offline_token.bundle import TrustBundle
from offline_token.formats import (
    BANK,
    DEVICE,
    KEY_BYTES,
    SIGNATURE_BYTES,
    Certificate,
    Clearance,
    Endorsement,
    Request,
    Token,
)

_BLANK = bytes(SIGNATURE_BYTES)


class Signer(Protocol):
    """An Ed25519 key, such as ``nacl.signing.SigningKey`` or a key in a PKCS#11 token."""

    def sign(self, message: bytes) -> bytes:
        """The signature over a message (RFC 8032) in the first 64 bytes; the message may follow."""
        ...


def certify_bank(root: Signer, name: str, key: bytes, expires_time_ms: int) -> Certificate:
    """A bank's certificate, signed by the root."""
    return _signed_certificate(root, Certificate(BANK, name, key, expires_time_ms, _BLANK))


def certify_device(bank: Signer, name: str, key: bytes, expires_time_ms: int) -> Certificate:
    """A device's certificate, signed by its bank."""
    return _signed_certificate(bank, Certificate(DEVICE, name, key, expires_time_ms, _BLANK))


def sign_token(root: Signer, token: Token) -> Token:
    """Returns the token with the root's signature."""
    blank = replace(token, signature=_BLANK)
    return replace(blank, signature=root.sign(blank.signed_part())[:SIGNATURE_BYTES])


def sign_bundle(root: Signer, bundle: TrustBundle) -> TrustBundle:
    """Returns the bundle with the root's signature."""
    return replace(bundle, signature=root.sign(bundle.signed_part())[:SIGNATURE_BYTES])


def sign_clearance(root: Signer, device: bytes, time_ms: int) -> Clearance:
    """The root's statement that a device was not revoked at a time; see `Clearance`."""
    blank = Clearance(device, time_ms, _BLANK)
    return replace(blank, signature=root.sign(blank.signed_part())[:SIGNATURE_BYTES])


def sign_request(device: Signer, request: Request) -> Request:
    """Returns the request with a signature by the key of its certificate."""
    return replace(request, signature=device.sign(request.signed_part())[:SIGNATURE_BYTES])


def sign_endorsement(device: Signer, piece_id: bytes, endorsement: Endorsement) -> Endorsement:
    """Returns the endorsement of a piece with its owner's signature."""
    blank = replace(endorsement, signature=_BLANK)
    return replace(blank, signature=device.sign(blank.signed_part(piece_id))[:SIGNATURE_BYTES])


def verified(key: bytes, signed_part: bytes, signature: bytes) -> bool:
    """Whether this is the key's signature over these bytes."""
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + signed_part, key)
    except BadSignatureError:
        return False
    return True


def _signed_certificate(signer: Signer, blank: Certificate) -> Certificate:
    return replace(blank, signature=signer.sign(blank.signed_part())[:SIGNATURE_BYTES])
