"""The one rule for an Ed25519 signature (RFC 8032): libsodium's strict one.

RFC 8032 leaves cases open on which implementations differ (Chalkias, Garillot,
Nikolaenko, "Taming the many EdDSAs", 2020). Here S must be below the group
order, keys and R must be written canonically and not be of small order, and the
equation must hold without the cofactor. Signatures in bulk are verified by the
very same function (`runtime.signatures`), those of offline money likewise
(`offline_token.signing`); tests/vectors/ed25519.json holds all of them to it.
"""

from __future__ import annotations

from nacl.bindings import (
    crypto_sign_BYTES,
    crypto_sign_open,
    crypto_sign_PUBLICKEYBYTES,
    crypto_sign_SEEDBYTES,
)
from nacl.exceptions import BadSignatureError

PUBLIC_KEY_BYTES: int = crypto_sign_PUBLICKEYBYTES
SIGNATURE_BYTES: int = crypto_sign_BYTES
SEED_BYTES: int = crypto_sign_SEEDBYTES


def verified(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is by a key over a message. A wrong length of either is a no."""
    if len(key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True
