"""Makes and uses keys in a PKCS#11 token: a smart card, a security module, or SoftHSM2.

Ed25519 pairs sign the messages of institutions and devices; P-256 pairs sign X.509 certificates.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any, Self

_CURVE = b"\x13\x0cedwards25519"
"""The name of the curve, a PrintableString in DER (PKCS#11 3.0, 2.3.5)."""

_P256 = bytes.fromhex("06082a8648ce3d030107")
"""The object identifier of NIST P-256 in DER (RFC 5480)."""

_POINT_HEADER = b"\x04\x20"
"""What comes before a public key that is an OCTET STRING in DER."""

_WRAPPED_POINTS = (34, 67)
"""The lengths of a wrapped point, of Ed25519 and of P-256."""

_ID_BYTES = 16

INSTALL = "install the package python-pkcs11: pip install 'dcep[pkcs11]'"


class Pkcs11Error(Exception):
    """The token cannot be used; the message says why."""


@dataclass
class _Login:
    """The one session by which the process is logged in to a token, and how many use it.

    A login holds for the whole process (PKCS#11 3.0, 5.6).
    """

    session: Any
    pin: str
    sessions: int = 0


_logins: dict[tuple[str, str], _Login] = {}
_opening = threading.Lock()


class Session:
    """The key pairs in one token, by label and id. Every method may raise Pkcs11Error."""

    def __init__(self, library: str, token: str, pin: str) -> None:
        """Logs in to a token.

        Args:
            library: path of the PKCS#11 module.
            token: the token's label.
            pin: its user's PIN.
        """
        try:
            self._pkcs11: Any = import_module("pkcs11")
        except ImportError:
            raise Pkcs11Error(f"for a key in a token, {INSTALL}") from None
        self._name = (library, token)
        with self._said(f"the token {token!r} cannot be used"):
            self._session = self._log_in(pin)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session; the last one of a token logs out."""
        with _opening:
            login = _logins[self._name]
            login.sessions -= 1
            if not login.sessions:
                del _logins[self._name]
                login.session.close()

    def _log_in(self, pin: str) -> Any:
        with _opening:
            login = _logins.get(self._name)
            if login is None:
                library, token = self._name
                found = self._pkcs11.lib(library).get_token(token_label=token)
                login = _Login(found.open(rw=True, user_pin=pin), pin)
                _logins[self._name] = login
            elif not hmac.compare_digest(login.pin.encode(), pin.encode()):
                raise self._pkcs11.exceptions.PinIncorrect
            login.sessions += 1
            return login.session

    def make_pair(self, label: str, key_id: bytes | None = None) -> bytes:
        """Makes an Ed25519 pair whose private key never leaves the token.

        Args:
            label: for both keys.
            key_id: for both keys; None: a random one.

        Returns:
            The public key, 32 bytes.
        """
        p = self._pkcs11
        with self._said("the token makes no key"):
            parameters = self._session.create_domain_parameters(
                p.KeyType.EC_EDWARDS, {p.Attribute.EC_PARAMS: _CURVE}, local=True
            )
            public, _ = parameters.generate_keypair(
                mechanism=p.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                store=True,
                label=label,
                id=key_id or secrets.token_bytes(_ID_BYTES),
                private_template={p.Attribute.SENSITIVE: True, p.Attribute.EXTRACTABLE: False},
            )
            return self._point(public)

    def make_p256_pair(self, label: str) -> bytes:
        """As `make_pair`, on NIST P-256 for ECDSA.

        Returns:
            The public key, an uncompressed point of 65 bytes.
        """
        p = self._pkcs11
        with self._said("the token makes no key"):
            parameters = self._session.create_domain_parameters(
                p.KeyType.EC, {p.Attribute.EC_PARAMS: _P256}, local=True
            )
            public, _ = parameters.generate_keypair(
                store=True,
                label=label,
                id=secrets.token_bytes(_ID_BYTES),
                private_template={p.Attribute.SENSITIVE: True, p.Attribute.EXTRACTABLE: False},
            )
            return self._point(public)

    def put_pair(self, label: str, seed: bytes, public: bytes) -> bytes:
        """Stores an Ed25519 pair that was made elsewhere; its private key never leaves the token.

        Args:
            label: for both keys.
            seed: the private key, 32 bytes (RFC 8032).
            public: its public key, 32 bytes.

        Returns:
            The public key.
        """
        p = self._pkcs11
        key_id = secrets.token_bytes(_ID_BYTES)
        common = {
            p.Attribute.KEY_TYPE: p.KeyType.EC_EDWARDS,
            p.Attribute.TOKEN: True,
            p.Attribute.LABEL: label,
            p.Attribute.ID: key_id,
            p.Attribute.EC_PARAMS: _CURVE,
        }
        with self._said("the token takes no key"):
            self._session.create_object(
                common
                | {
                    p.Attribute.CLASS: p.ObjectClass.PRIVATE_KEY,
                    p.Attribute.VALUE: seed,
                    p.Attribute.PRIVATE: True,
                    p.Attribute.SENSITIVE: True,
                    p.Attribute.EXTRACTABLE: False,
                    p.Attribute.SIGN: True,
                }
            )
            self._session.create_object(
                common
                | {
                    p.Attribute.CLASS: p.ObjectClass.PUBLIC_KEY,
                    p.Attribute.EC_POINT: _POINT_HEADER + public,
                    p.Attribute.VERIFY: True,
                }
            )
        return public

    def publics(self, label: str) -> dict[bytes, bytes]:
        """Id → public key (32 bytes) of the pairs with a label."""
        with self._said("the token cannot be read"):
            stored = self.objects(self._pkcs11.ObjectClass.PUBLIC_KEY, label)
            return {bytes(key[self._pkcs11.Attribute.ID]): self._point(key) for key in stored}

    def pairs(self, label: str) -> list[tuple[Any, bytes]]:
        """(the private key's object, public key of 32 bytes) of the pairs with a label."""
        found = []
        for key_id, public in self.publics(label).items():
            with self._said("the token cannot be read"):
                privates = self.objects(self._pkcs11.ObjectClass.PRIVATE_KEY, label, key_id)
            found += [(private, public) for private in privates]
        return found

    def destroy(self, label: str, key_id: bytes) -> None:
        """Deletes a pair, the private key first, because it is found by its public key."""
        kinds = self._pkcs11.ObjectClass
        with self._said("the token deletes no key"):
            for kind in (kinds.PRIVATE_KEY, kinds.PUBLIC_KEY):
                for stored in self.objects(kind, label, key_id):
                    stored.destroy()

    def sign(self, private: Any, message: bytes) -> bytes:
        """The Ed25519 signature (RFC 8032) over a message, 64 bytes."""
        with self._said("the token does not sign"):
            return bytes(private.sign(message, mechanism=self._pkcs11.Mechanism.EDDSA))

    def sign_digest(self, private: Any, digest: bytes) -> bytes:
        """The ECDSA signature over a digest: r, then s."""
        with self._said("the token does not sign"):
            return bytes(private.sign(digest, mechanism=self._pkcs11.Mechanism.ECDSA))

    def objects(self, kind: Any, label: str, key_id: bytes | None = None) -> list[Any]:
        """The token's objects of a class with a label and, if one is given, an id."""
        attributes = self._pkcs11.Attribute
        wanted = {attributes.CLASS: kind, attributes.LABEL: label}
        if key_id is not None:
            wanted[attributes.ID] = key_id
        return list(self._session.get_objects(wanted))

    def _point(self, public: Any) -> bytes:
        point = bytes(public[self._pkcs11.Attribute.EC_POINT])
        # Some tokens wrap it as an OCTET STRING in DER: one byte for the type, one for the length.
        return point[2:] if len(point) in _WRAPPED_POINTS else point

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        try:
            yield
        except (self._pkcs11.PKCS11Error, RuntimeError) as error:
            why = str(error) or type(error).__name__
            raise Pkcs11Error(f"{what}: {why}") from error
