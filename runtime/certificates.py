"""X.509 certificates: one root, and leaves that carry a role as a URI ``dcep://ROLE/NAME``.

A role that serves has a name in the domain of roles besides, which its clients verify in place of
the host: ``alpha.bank.dcep.internal``. No certificate speaks of a host or an address, so none is
good for another role's address.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runtime.roles import SCHEME, is_persons, server_name

_ROOT_DAYS = 3_650
_LEAF_DAYS = 825
_CLOCK_SKEW = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key, PEM."""

    certificate_pem: bytes
    key_pem: bytes


@dataclass(frozen=True)
class Authority:
    """A certificate authority, ECDSA P-256."""

    certificate_pem: bytes
    key_pem: bytes

    @classmethod
    def create(cls, name: str) -> Authority:
        """A new root."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        builder = (
            _builder(subject, subject, key.public_key(), _ROOT_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
        )
        certificate = builder.sign(key, hashes.SHA256())
        return cls(certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key))

    def issue(self, role_uri: str) -> Issued:
        """A leaf for a role such as ``dcep://bank/alpha``.

        It is good as a client; and as a server, where the role has a name of one
        part. One of two, ``dcep://officer/alpha/wang``, is a person's, who serves nothing.

        Raises:
            ValueError: the role cannot be written as a name, see `runtime.roles.server_name`.
        """
        authority_key = serialization.load_pem_private_key(self.key_pem, None)
        if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
            raise TypeError("the authority's key is not an elliptic curve key")
        authority = x509.load_pem_x509_certificate(self.certificate_pem)
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(role_uri)]
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if not is_persons(role_uri):
            names.append(x509.DNSName(server_name(role_uri)))
            uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
        builder = (
            _builder(
                _name(role_uri.removeprefix(SCHEME)),
                authority.subject,
                key.public_key(),
                _LEAF_DAYS,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )
        certificate = builder.sign(authority_key, hashes.SHA256())
        return Issued(certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key))


def fingerprint(certificate_pem: bytes) -> str:
    """SHA-256 of a PEM certificate's DER bytes, hex."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    return certificate.fingerprint(hashes.SHA256()).hex()


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
        .not_valid_before(now - _CLOCK_SKEW)
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
