"""The device's keys: who makes them and signs with them, wherever they lie."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from nacl.signing import SigningKey

from runtime.randomness import Randomness
from wallet.home.home import SEED_BYTES
from wallet.secure_element.refusals import elsewhere
from wallet.secure_element.state import HeldKey, State


class Signer(Protocol):
    """An Ed25519 key that signs and is never shown."""

    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes (RFC 8032)."""
        ...


class Keyring(Protocol):
    """Makes keys, finds them again, and throws them away."""

    def make(self, state: State) -> HeldKey:
        """A new key, for this state; it is not put into it."""
        ...

    def signer(self, state: State, key: HeldKey) -> Signer:
        """What signs with a key. Raises Refusal when the key is not at hand."""
        ...

    def unused(self, state: State) -> Collection[bytes]:
        """Keys made for this state that it does not have (any more)."""
        ...

    def destroy(self, unused: Collection[bytes]) -> None:
        """Throws such keys away."""
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


class SeedKeyring:
    """Keys whose seeds are in the state: forgotten there, they are gone."""

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness

    def make(self, state: State) -> HeldKey:
        """A new key."""
        return seed_key(self._randomness.bytes(SEED_BYTES))

    def signer(self, state: State, key: HeldKey) -> Signer:
        """What signs with a key. Raises Refusal when it lies in a token."""
        if not key.seed:
            raise elsewhere()
        return SeedSigner(bytes.fromhex(key.seed))

    def unused(self, state: State) -> Collection[bytes]:
        """None: there are no keys elsewhere."""
        return ()

    def destroy(self, unused: Collection[bytes]) -> None:
        """Nothing is to be done."""


def seed_key(seed: bytes) -> HeldKey:
    """The key of a seed, as the state keeps it."""
    return HeldKey(SeedSigner(seed).public_key().hex(), seed=seed.hex())
