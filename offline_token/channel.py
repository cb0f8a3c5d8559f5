"""How a payee proves that it is the one at the other end of a channel."""

from __future__ import annotations

from offline_token.formats import SIGNATURE_BYTES, tagged
from offline_token.signing import Signer, verified

BINDING_BYTES = 32


def sign_channel(device: Signer, binding: bytes) -> bytes:
    """Signs a channel's binding with the request's key. Returns 64 bytes."""
    return device.sign(tagged("channel/v1", binding))[:SIGNATURE_BYTES]


def is_at_channel(key: bytes, binding: bytes, signature: bytes) -> bool:
    """Whether the device that has a key has signed this channel's binding."""
    return len(binding) == BINDING_BYTES and verified(key, tagged("channel/v1", binding), signature)
