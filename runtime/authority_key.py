"""The certificate authority's key in a PKCS#11 token, as `cryptography` knows private keys."""

from __future__ import annotations

import hashlib
from typing import Any, Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from runtime.pkcs11 import Session
from runtime.settings import SettingsError
from runtime.signing_keys import TokenKeyName, as_settings_error, into_token

_HALF = 32
"""Bytes of r, and of s, of a signature on P-256."""


class TokenAuthorityKey(ec.EllipticCurvePrivateKey):
    """Signs certificates with ECDSA over SHA-256; everything but signing is refused.

    `cryptography` asks a private key that is not its own to sign by the interface's method.
    """

    def __init__(self, session: Session, private: Any, point: bytes) -> None:
        self._session = session
        self._private = private
        self._public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return ec.SECP256R1()

    @property
    def key_size(self) -> int:
        """Bits."""
        return self.curve.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """The token's signature over data, in DER. Raises Pkcs11Error."""
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise NotImplementedError("the authority signs over SHA-256 alone")
        both = self._session.sign_digest(self._private, hashlib.sha256(data).digest())
        return encode_dss_signature(
            int.from_bytes(both[:_HALF], "big"), int.from_bytes(both[_HALF:], "big")
        )

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:
        """Not for an authority."""
        raise NotImplementedError("the authority's key signs and does nothing else")

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """The token does not give them out."""
        raise NotImplementedError("the key does not leave its token")

    def private_bytes(
        self,
        encoding: serialization.Encoding,
        format: serialization.PrivateFormat,
        encryption_algorithm: serialization.KeySerializationEncryption,
    ) -> bytes:
        """The token does not give them out."""
        raise NotImplementedError("the key does not leave its token")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> Self:
        return self


def make_authority_key(uri: str) -> None:
    """Makes the key that a PKCS#11 URI names, in its token. Raises SettingsError."""
    into_token(uri, lambda session, label: session.make_p256_pair(label))


def open_authority_key(uri: str) -> TokenAuthorityKey:
    """The key that a PKCS#11 URI names. Raises SettingsError when it is not there."""
    wanted = TokenKeyName.parse(uri)
    with as_settings_error():
        session = Session(wanted.module, wanted.token, wanted.pin())
        pairs = session.pairs(wanted.label)
    try:
        if len(pairs) != 1:
            raise ValueError(f"there are {len(pairs)} keys of that name")
        return TokenAuthorityKey(session, *pairs[0])
    except ValueError as error:
        session.close()
        raise SettingsError(f"token {wanted.token!r}, key {wanted.label!r}: {error}") from None
