"""The certificate authority: requests whose keys stay with their owners, its own key in a token."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from runtime.authority_key import make_authority_key, open_authority_key
from runtime.certificates import Authority, request
from runtime.settings import SettingsError
from runtime.signing_keys import make_token_key
from runtime.tls import TlsFiles, channel_credentials
from tests.runtime.served import SERVER, Serve, ask

ROLE = "dcep://bank/alpha"


def write(folder: Path, certificate: bytes, key: bytes, ca: bytes) -> TlsFiles:
    files = TlsFiles(folder / "crt", folder / "key", folder / "ca")
    files.certificate.write_bytes(certificate)
    files.key.write_bytes(key)
    files.ca.write_bytes(ca)
    return files


def test_a_request_is_certified_for_the_role_that_the_authority_says() -> None:
    authority = Authority.create("root")
    asked, _ = request("dcep://central-bank/central-bank")
    leaf = x509.load_pem_x509_certificate(authority.certify(asked, ROLE))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [ROLE]
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate_pem))


def test_a_request_that_its_key_did_not_sign_is_refused() -> None:
    asked, _ = request(ROLE)
    der = bytearray(x509.load_pem_x509_csr(asked).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(ValueError, match="not signed by its own key"):
        Authority.create("root").certify(forged, ROLE)


@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())]
)
def test_a_request_for_another_kind_of_key_is_refused(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
) -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    asked = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(ValueError, match="not on the curve P-256"):
        Authority.create("root").certify(asked, ROLE)


def test_what_is_no_request_is_refused() -> None:
    with pytest.raises(ValueError):
        Authority.create("root").certify(b"-----BEGIN NOTHING-----", ROLE)


def test_an_authority_whose_key_lies_in_a_token_vouches_for_servers(
    serve: Serve, token_uri: Callable[[str], str], tmp_path: Path
) -> None:
    make_authority_key(token_uri("authority"))
    authority = Authority.create("root", open_authority_key(token_uri("authority")))
    (tmp_path / "server").mkdir()
    server = authority.issue(SERVER)
    files = write(
        tmp_path / "server", server.certificate_pem, server.key_pem, authority.certificate_pem
    )
    served = serve(files=files)
    asked, key = request(ROLE)
    own = write(tmp_path, authority.certify(asked, ROLE), key, authority.certificate_pem)
    credentials = channel_credentials(own.ca, own.certificate, own.key)
    assert ask(served.ours(credentials), 7) == 7


def test_the_authoritys_key_does_not_leave_its_token(token_uri: Callable[[str], str]) -> None:
    make_authority_key(token_uri("stays"))
    authority = Authority.create("root", open_authority_key(token_uri("stays")))
    with pytest.raises(NotImplementedError, match="does not leave its token"):
        _ = authority.key_pem
    with pytest.raises(NotImplementedError, match="does not leave its token"):
        authority.key.private_numbers()
    with pytest.raises(NotImplementedError):
        authority.key.sign(b"", ec.ECDSA(hashes.SHA512()))
    assert copy.deepcopy(authority.key) is authority.key


def test_a_key_of_another_kind_is_no_authoritys(token_uri: Callable[[str], str]) -> None:
    make_token_key(token_uri("signs"))
    for name, what in (("signs", "key '.*signs'"), ("nothing", "there are 0 keys")):
        with pytest.raises(SettingsError, match=what):
            open_authority_key(token_uri(name))
    with pytest.raises(SettingsError, match="has a key '.*signs'"):
        make_authority_key(token_uri("signs"))


def test_another_authority_of_the_same_name_vouches_for_nobody() -> None:
    own, other = Authority.create("root"), Authority.create("root")
    asked, _ = request(ROLE)
    leaf = x509.load_pem_x509_certificate(other.certify(asked, ROLE))
    with pytest.raises(InvalidSignature):
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(own.certificate_pem))
