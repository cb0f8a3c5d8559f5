"""The device's key in a PKCS#11 token: a smart card, a security module, or SoftHSM2.

The key is made in the token, is marked as one that never leaves it, and signs with CKM_EDDSA.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from wallet.home import HomeError

LABEL = "dcep device key"
_CURVE = b"\x13\x0cedwards25519"
"""As a PrintableString in DER (PKCS#11 3.0, 2.3.5)."""

_POINT_HEADER = b"\x04\x20"
"""Of the public key as an OCTET STRING in DER."""

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


class Pkcs11Signer:
    """A `wallet.secure_element.signer.Signer`. Raises Pkcs11Error when the token is not there."""

    def __init__(self, settings: Pkcs11Settings) -> None:
        try:
            pkcs11: Any = import_module("pkcs11")
        except ImportError:
            raise Pkcs11Error(f"for a key in a token, {INSTALL}") from None
        self._pkcs11 = pkcs11
        try:
            token = pkcs11.lib(settings.library).get_token(token_label=settings.token)
            self._session = token.open(rw=True, user_pin=settings.pin)
            self._private, self._public = self._found() or self._made()
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            why = str(error) or type(error).__name__
            raise Pkcs11Error(f"the token {settings.token!r} cannot be used: {why}") from error

    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes; made by the token."""
        try:
            signed = self._private.sign(message, mechanism=self._pkcs11.Mechanism.EDDSA)
        except self._pkcs11.PKCS11Error as error:
            why = str(error) or type(error).__name__
            raise Pkcs11Error(f"the token does not sign: {why}") from error
        return bytes(signed)

    def close(self) -> None:
        """Ends the session."""
        self._session.close()

    def _found(self) -> tuple[Any, bytes] | None:
        kinds, attributes = self._pkcs11.ObjectClass, self._pkcs11.Attribute
        found: dict[Any, Any] = {}
        for kind in (kinds.PRIVATE_KEY, kinds.PUBLIC_KEY):
            wanted = {attributes.CLASS: kind, attributes.LABEL: LABEL}
            for key in list(self._session.get_objects(wanted)):
                found[kind] = key
        if len(found) < 2:
            return None
        return found[kinds.PRIVATE_KEY], self._point(found[kinds.PUBLIC_KEY])

    def _made(self) -> tuple[Any, bytes]:
        p = self._pkcs11
        parameters = self._session.create_domain_parameters(
            p.KeyType.EC_EDWARDS,
            {p.Attribute.EC_PARAMS: _CURVE},
            local=True,
        )
        public, private = parameters.generate_keypair(
            mechanism=p.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
            store=True,
            label=LABEL,
            private_template={p.Attribute.SENSITIVE: True, p.Attribute.EXTRACTABLE: False},
        )
        return private, self._point(public)

    def _point(self, public: Any) -> bytes:
        point = bytes(public[self._pkcs11.Attribute.EC_POINT])
        return point.removeprefix(_POINT_HEADER) if len(point) == 34 else point
