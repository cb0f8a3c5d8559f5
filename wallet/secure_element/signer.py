"""The device's key: what signs, wherever the key lies."""

from __future__ import annotations

from typing import Protocol

from nacl.signing import SigningKey


class Signer(Protocol):
    """An Ed25519 key that signs and is never shown."""

    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes (RFC 8032)."""
        ...


class SeedSigner:
    """A key in memory, made of its seed; in the element it comes out of the sealed state."""

    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(seed)

    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return bytes(self._key.verify_key)

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes."""
        return bytes(self._key.sign(message).signature)
