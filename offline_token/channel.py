"""By which the payee of a request shows that it is at the other end of a channel."""

from __future__ import annotations

from offline_token.formats import SIGNATURE_BYTES, tagged
from offline_token.signing import Signer, verified

BINDING_BYTES = 32


def sign_channel(device: Signer, binding: bytes) -> bytes:
    """The signature of a request's key over a channel's binding, 64 bytes."""
    return device.sign(tagged("channel/v1", binding))[:SIGNATURE_BYTES]


def is_at_channel(key: bytes, binding: bytes, signature: bytes) -> bool:
    """Whether the device with a key is at the other end of a channel."""
    return len(binding) == BINDING_BYTES and verified(key, tagged("channel/v1", binding), signature)
