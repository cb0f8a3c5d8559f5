"""The device's keys in a PKCS#11 token: a smart card, a security module, or SoftHSM2.

A key is made in the token, is marked as one that never leaves it, and signs with CKM_EDDSA.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from runtime.randomness import Randomness
from wallet.home import HomeError
from wallet.secure_element.refusals import elsewhere
from wallet.secure_element.signer import SeedSigner, Signer
from wallet.secure_element.state import HeldKey, State

LABEL = "dcep device key"
_CURVE = b"\x13\x0cedwards25519"
"""As a PrintableString in DER (PKCS#11 3.0, 2.3.5)."""

_POINT_HEADER = b"\x04\x20"
"""Of the public key as an OCTET STRING in DER."""

_RING_BYTES = 8

INSTALL = "install the package python-pkcs11: pip install 'dcep[pkcs11]'"


class Pkcs11Error(HomeError):
    """The token cannot be used; the message says why."""


@dataclass(frozen=True)
class Pkcs11Settings:
    """Which token: its library, its label, and its PIN."""

    library: str
    token: str
    pin: str

    @classmethod
    def from_environment(cls) -> Pkcs11Settings | None:
        """``DCEP_PKCS11_LIBRARY``, ``_TOKEN`` and ``_PIN``; None when there is no library."""
        library = os.environ.get("DCEP_PKCS11_LIBRARY", "")
        if not library:
            return None
        token = os.environ.get("DCEP_PKCS11_TOKEN", "dcep")
        return cls(library, token, os.environ.get("DCEP_PKCS11_PIN", ""))


@dataclass(frozen=True)
class Pkcs11Signer:
    """A `wallet.secure_element.signer.Signer`: one key of a token."""

    ring: Pkcs11Keyring
    private: Any
    public: bytes

    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return self.public

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes; made by the token."""
        return self.ring.signature(self.private, message)


class Pkcs11Keyring:
    """A `wallet.secure_element.signer.Keyring` in a token: a pair of objects for each key.

    They are found by their label and their id. An id begins with what is drawn once for a state,
    so that several devices may share a token. Raises Pkcs11Error when the token is not there.
    """

    def __init__(self, settings: Pkcs11Settings, randomness: Randomness) -> None:
        try:
            pkcs11: Any = import_module("pkcs11")
        except ImportError:
            raise Pkcs11Error(f"for a key in a token, {INSTALL}") from None
        self._pkcs11 = pkcs11
        self._randomness = randomness
        with self._said(f"the token {settings.token!r} cannot be used"):
            token = pkcs11.lib(settings.library).get_token(token_label=settings.token)
            self._session = token.open(rw=True, user_pin=settings.pin)

    def make(self, state: State) -> HeldKey:
        """A new key."""
        p = self._pkcs11
        state.ring = state.ring or self._randomness.bytes(_RING_BYTES).hex()
        key_id = bytes.fromhex(state.ring) + self._randomness.bytes(_RING_BYTES)
        with self._said("the token makes no key"):
            parameters = self._session.create_domain_parameters(
                p.KeyType.EC_EDWARDS,
                {p.Attribute.EC_PARAMS: _CURVE},
                local=True,
            )
            public, _ = parameters.generate_keypair(
                mechanism=p.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                store=True,
                label=LABEL,
                id=key_id,
                private_template={p.Attribute.SENSITIVE: True, p.Attribute.EXTRACTABLE: False},
            )
            return HeldKey(self._point(public).hex())

    def signer(self, state: State, key: HeldKey) -> Signer:
        """What signs with a key. Raises Refusal when the token does not have it."""
        if key.seed:
            return SeedSigner(bytes.fromhex(key.seed))
        wanted = bytes.fromhex(key.public)
        with self._said("the token cannot be read"):
            for key_id, public in self._made(state).items():
                if public == wanted:
                    (private,) = self._found(self._pkcs11.ObjectClass.PRIVATE_KEY, key_id)
                    return Pkcs11Signer(self, private, public)
        raise elsewhere()

    def strays(self, state: State) -> Collection[bytes]:
        """Ids of keys that were made for this state and that it does not have (any more)."""
        kept = {bytes.fromhex(key.public) for key in state.keys}
        with self._said("the token cannot be read"):
            made = self._made(state)
            return [key_id for key_id, public in made.items() if public not in kept]

    def destroy(self, strays: Collection[bytes]) -> None:
        """Deletes them from the token. The private key goes first: the other one tells of it."""
        kinds = self._pkcs11.ObjectClass
        with self._said("the token deletes no key"):
            for key_id in strays:
                for kind in (kinds.PRIVATE_KEY, kinds.PUBLIC_KEY):
                    for stored in self._found(kind, key_id):
                        stored.destroy()

    def signature(self, private: Any, message: bytes) -> bytes:
        """What the token signs with a private key."""
        with self._said("the token does not sign"):
            return bytes(private.sign(message, mechanism=self._pkcs11.Mechanism.EDDSA))

    def close(self) -> None:
        """Ends the session."""
        self._session.close()

    def _made(self, state: State) -> dict[bytes, bytes]:
        """Id and public key of each key that was made for a state."""
        if not state.ring:
            return {}
        stored = self._found(self._pkcs11.ObjectClass.PUBLIC_KEY)
        ids = {bytes(key[self._pkcs11.Attribute.ID]): self._point(key) for key in stored}
        ring = bytes.fromhex(state.ring)
        return {key_id: public for key_id, public in ids.items() if key_id.startswith(ring)}

    def _found(self, kind: Any, key_id: bytes | None = None) -> list[Any]:
        attributes = self._pkcs11.Attribute
        wanted = {attributes.CLASS: kind, attributes.LABEL: LABEL}
        if key_id is not None:
            wanted[attributes.ID] = key_id
        return list(self._session.get_objects(wanted))

    def _point(self, public: Any) -> bytes:
        point = bytes(public[self._pkcs11.Attribute.EC_POINT])
        return point.removeprefix(_POINT_HEADER) if len(point) == 34 else point

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except (self._pkcs11.PKCS11Error, RuntimeError) as error:
            why = str(error) or type(error).__name__
            raise Pkcs11Error(f"{what}: {why}") from error
