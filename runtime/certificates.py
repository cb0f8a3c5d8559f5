"""X.509 certificates: one root, and leaves that carry a role as a URI ``dcep://ROLE/NAME``.

A role that serves also has a DNS name in the domain of roles, ``alpha.bank.dcep.internal``, which
its clients verify instead of the host. No certificate names a host or an address, so none is valid
for another role.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runtime.roles import SCHEME, is_persons, server_name

ROOT_DAYS = 3_650
LEAF_DAYS = 825
CLOCK_SKEW = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key, PEM."""

    certificate_pem: bytes
    key_pem: bytes


@dataclass(frozen=True)
class Authority:
    """A certificate authority, ECDSA P-256. Its key is in memory, or in a token that signs.

    Attributes:
        key: any implementation of the interface, `runtime.authority_key.TokenAuthorityKey` too.
    """

    certificate_pem: bytes
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls, name: str, key: ec.EllipticCurvePrivateKey | None = None) -> Authority:
        """A new root, with a key of its own unless one is given."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        builder = (
            _builder(subject, subject, key.public_key(), ROOT_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
        )
        return cls(_signed(builder, key), key)

    @classmethod
    def of_pem(cls, certificate_pem: bytes, key_pem: bytes) -> Authority:
        """Loads an authority whose key is in a file. Raises ValueError for another kind of key."""
        key = serialization.load_pem_private_key(key_pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the authority's key is not an elliptic curve key")
        return cls(certificate_pem, key)

    @property
    def key_pem(self) -> bytes:
        """The key, for a file. Raises NotImplementedError for one in a token."""
        return _key_pem(self.key)

    def issue(self, role_uri: str) -> Issued:
        """A leaf for a role such as ``dcep://bank/alpha``, with a new key.

        It is valid for a client, and for a server if the role has one name. A role with two
        names, such as ``dcep://officer/alpha/wang``, is a person's, who serves nothing.

        Raises:
            ValueError: the role cannot be written as a name, see `runtime.roles.server_name`.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        return Issued(self._leaf(key.public_key(), role_uri), _key_pem(key))

    def certify(self, request_pem: bytes, role_uri: str) -> bytes:
        """A leaf in PEM for the key of a certificate request (PKCS#10).

        Only the public key is taken from the request; the authority decides on the role.

        Raises:
            ValueError: the request is unreadable, not signed by its key, or its key is not on
                P-256; or the role cannot be written as a name.
        """
        request = x509.load_pem_x509_csr(request_pem)
        key = request.public_key()
        if not request.is_signature_valid:
            raise ValueError("the request is not signed by its own key")
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != ec.SECP256R1.name:
            raise ValueError("the request's key is not on the curve P-256")
        return self._leaf(key, role_uri)

    def _leaf(self, key: ec.EllipticCurvePublicKey, role_uri: str) -> bytes:
        authority = x509.load_pem_x509_certificate(self.certificate_pem)
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(role_uri)]
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if not is_persons(role_uri):
            names.append(x509.DNSName(server_name(role_uri)))
            uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
        subject = _name(role_uri.removeprefix(SCHEME))
        builder = (
            _builder(subject, authority.subject, key, LEAF_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )
        return _signed(builder, self.key)


def request(role_uri: str) -> tuple[bytes, bytes]:
    """(a certificate request, its new key), both PEM: the key need never leave its owner."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder().subject_name(
        _name(role_uri.removeprefix(SCHEME))
    )
    signed = made.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def fingerprint(certificate_pem: bytes) -> str:
    """SHA-256 of a PEM certificate's DER bytes, hex."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    return certificate.fingerprint(hashes.SHA256()).hex()


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
