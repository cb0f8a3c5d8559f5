"""Makes the device's keys and signs with them, wherever their private parts are kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from nacl.signing import SigningKey

from runtime.ed25519 import SEED_BYTES
from runtime.randomness import Randomness
from wallet.secure_element.refusals import elsewhere
from wallet.secure_element.state import ElementState, HeldKey


class DeviceKey(Protocol):
    """An Ed25519 key that signs; the private key is never given out."""

    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes (RFC 8032)."""
        ...


class Keyring(Protocol):
    """Makes keys, finds them again, and destroys them."""

    def make(self, state: ElementState) -> HeldKey:
        """Makes a key for this state; the caller puts it into the state."""
        ...

    def signer(self, state: ElementState, key: HeldKey) -> DeviceKey:
        """The signer of a key. Raises Refusal when the private key is not at hand."""
        ...

    def unused(self, state: ElementState) -> Collection[bytes]:
        """Ids of keys that were made for this state and are not in it, or not any more."""
        ...

    def destroy(self, unused: Collection[bytes]) -> None:
        """Destroys keys, by the ids that `unused` gave."""
        ...


class SeedSigner:
    """A key in memory, made from its seed, 32 bytes, which the sealed state keeps."""

    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(seed)

    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return bytes(self._key.verify_key)

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes."""
        return bytes(self._key.sign(message).signature)


class SeedKeyring:
    """Keeps keys as seeds in the state: a key that is forgotten there is gone."""

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness

    def make(self, state: ElementState) -> HeldKey:
        """Makes a key from a fresh seed."""
        return seed_key(self._randomness.bytes(SEED_BYTES))

    def signer(self, state: ElementState, key: HeldKey) -> DeviceKey:
        """The signer of a key. Raises Refusal when the key is in a PKCS#11 token."""
        if not key.seed:
            raise elsewhere()
        return SeedSigner(bytes.fromhex(key.seed))

    def unused(self, state: ElementState) -> Collection[bytes]:
        """Nothing: no keys are kept outside the state."""
        return ()

    def destroy(self, unused: Collection[bytes]) -> None:
        """Does nothing."""


def seed_key(seed: bytes) -> HeldKey:
    """The key that a seed, 32 bytes, gives, as the state keeps it."""
    return HeldKey(SeedSigner(seed).public_key().hex(), seed=seed.hex())
