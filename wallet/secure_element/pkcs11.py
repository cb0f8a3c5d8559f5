"""Keeps the device's keys in a PKCS#11 token: a smart card, a security module, or SoftHSM2.

A key is made in the token, is marked as never to leave it, and signs with CKM_EDDSA.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from language import N_
from runtime import pkcs11
from runtime.randomness import Randomness
from wallet.home.home import HomeError
from wallet.secure_element.refusals import elsewhere
from wallet.secure_element.signer import DeviceKey, SeedSigner
from wallet.secure_element.state import ElementState, HeldKey

LABEL = "dcep device key"
_RING_BYTES = 8


class KeyTokenError(HomeError):
    """The token cannot be used; the message says why."""

    following = N_(
        "Check that the token is there, and DCEP_PKCS11_LIBRARY, DCEP_PKCS11_TOKEN and "
        "DCEP_PKCS11_PIN; then repeat."
    )


@dataclass(frozen=True)
class Pkcs11Settings:
    """Which token to use: the path of its library, its label, and its PIN."""

    library: str
    token: str
    pin: str

    @classmethod
    def from_environment(cls) -> Pkcs11Settings | None:
        """Reads ``DCEP_PKCS11_LIBRARY``, ``_TOKEN`` and ``_PIN``; None if no library is set."""
        library = os.environ.get("DCEP_PKCS11_LIBRARY", "")
        if not library:
            return None
        token = os.environ.get("DCEP_PKCS11_TOKEN", "dcep")
        return cls(library, token, os.environ.get("DCEP_PKCS11_PIN", ""))


@dataclass(frozen=True)
class Pkcs11Signer:
    """A `wallet.secure_element.signer.DeviceKey`: one key of a token."""

    ring: Pkcs11Keyring
    private: Any
    public: bytes

    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return self.public

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes, made by the token."""
        return self.ring.signature(self.private, message)


class Pkcs11Keyring:
    """A `wallet.secure_element.signer.Keyring` in a token: a pair of objects for each key.

    The objects are found by their label and their id. The first bytes of an id are drawn once for
    each state, so that several devices can share a token. Raises Pkcs11Error when the token cannot
    be used.
    """

    def __init__(self, settings: Pkcs11Settings, randomness: Randomness) -> None:
        self._randomness = randomness
        with _as_home_error():
            self._session = pkcs11.Session(settings.library, settings.token, settings.pin)

    def make(self, state: ElementState) -> HeldKey:
        """Makes a key in the token."""
        state.ring = state.ring or self._randomness.bytes(_RING_BYTES).hex()
        key_id = bytes.fromhex(state.ring) + self._randomness.bytes(_RING_BYTES)
        with _as_home_error():
            return HeldKey(self._session.make_pair(LABEL, key_id).hex())

    def signer(self, state: ElementState, key: HeldKey) -> DeviceKey:
        """The signer of a key. Raises Refusal when the token does not have the key."""
        if key.seed:
            return SeedSigner(bytes.fromhex(key.seed))
        wanted = bytes.fromhex(key.public)
        with _as_home_error():
            for private, public in self._session.pairs(LABEL):
                if public == wanted:
                    return Pkcs11Signer(self, private, public)
        raise elsewhere()

    def unused(self, state: ElementState) -> Collection[bytes]:
        """Ids of keys that were made for this state and are not in it, or not any more."""
        kept = {bytes.fromhex(key.public) for key in state.keys}
        return [key_id for key_id, public in self.made(state).items() if public not in kept]

    def destroy(self, unused: Collection[bytes]) -> None:
        """Deletes keys from the token, by id."""
        with _as_home_error():
            for key_id in unused:
                self._session.destroy(LABEL, key_id)

    def signature(self, private: Any, message: bytes) -> bytes:
        """The token's signature over a message, 64 bytes, with the private key of an object."""
        with _as_home_error():
            return self._session.sign(private, message)

    def close(self) -> None:
        """Ends the session."""
        self._session.close()

    def made(self, state: ElementState) -> dict[bytes, bytes]:
        """Maps the id of each key that was made for a state to its public key."""
        if not state.ring:
            return {}
        ring = bytes.fromhex(state.ring)
        with _as_home_error():
            publics = self._session.publics(LABEL)
        return {key_id: public for key_id, public in publics.items() if key_id.startswith(ring)}


@contextmanager
def _as_home_error() -> Iterator[None]:
    try:
        yield
    except pkcs11.Pkcs11Error as error:
        raise KeyTokenError(str(error)) from error
