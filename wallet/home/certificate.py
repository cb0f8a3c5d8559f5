"""The certificate of the wallet's own service: made by the wallet, for programs that can read
its home. The same certificate is the server's, the client's and the root of trust.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from currency.parties import HOLDER
from runtime.files import write_whole
from runtime.roles import server_name
from runtime.tls import TlsFiles

_DAYS = 3_650
_SKEW = datetime.timedelta(hours=1)


def home_certificate(folder: Path) -> TlsFiles:
    """``tls.crt`` and ``tls.key`` in the home; made unless both are there."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    if not (certificate.exists() and key.exists()):
        certificate_pem, key_pem = _make()
        write_whole(key, key_pem)
        write_whole(certificate, certificate_pem)
    return TlsFiles(certificate, key, certificate)


def _make() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wallet")])
    names = [
        x509.DNSName(server_name(HOLDER)),
        x509.UniformResourceIdentifier(HOLDER),
    ]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key_pem
