"""Making signed things: for the root, a bank, or a device that holds its key in memory."""

from __future__ import annotations

from dataclasses import replace

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey

from offline_token.formats import (
    BANK,
    DEVICE,
    KEY_BYTES,
    SIGNATURE_BYTES,
    Certificate,
    Endorsement,
    Token,
    TrustBundle,
)

_BLANK = bytes(SIGNATURE_BYTES)


def certify_bank(root: SigningKey, name: str, key: bytes, expires_time_ms: int) -> Certificate:
    """A bank's certificate, signed by the root."""
    return _signed_certificate(root, Certificate(BANK, name, key, expires_time_ms, _BLANK))


def certify_device(bank: SigningKey, name: str, key: bytes, expires_time_ms: int) -> Certificate:
    """A device's certificate, signed by its bank."""
    return _signed_certificate(bank, Certificate(DEVICE, name, key, expires_time_ms, _BLANK))


def sign_token(root: SigningKey, token: Token) -> Token:
    """The token with the root's signature."""
    blank = replace(token, signature=_BLANK)
    return replace(blank, signature=root.sign(blank.signed_part()).signature)


def sign_bundle(root: SigningKey, bundle: TrustBundle) -> TrustBundle:
    """The bundle with the root's signature."""
    return replace(bundle, signature=root.sign(bundle.signed_part()).signature)


def sign_endorsement(device: SigningKey, piece_id: bytes, endorsement: Endorsement) -> Endorsement:
    """The endorsement of a piece with its owner's signature."""
    blank = replace(endorsement, signature=_BLANK)
    return replace(blank, signature=device.sign(blank.signed_part(piece_id)).signature)


def verified(key: bytes, signed_part: bytes, signature: bytes) -> bool:
    """Whether a signature is by a key over these bytes."""
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + signed_part, key)
    except BadSignatureError:
        return False
    return True


def _signed_certificate(signer: SigningKey, blank: Certificate) -> Certificate:
    return replace(blank, signature=signer.sign(blank.signed_part()).signature)
