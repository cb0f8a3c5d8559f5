"""Makes TLS credentials from files, and says who a peer is. Only TLS 1.3: see `runtime`."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from runtime import require_tls13
from runtime.certificates import fingerprint
from runtime.errors import NoAnswer
from runtime.own_certificate import OwnCertificate, Shown
from runtime.own_certificate import TlsFiles as TlsFiles
from runtime.roles import server_name

_SCHEME = "dcep"


@dataclass(frozen=True)
class Identity:
    """A peer's role and name, from ``dcep://ROLE/NAME`` in its verified certificate.

    An officer's name is ``INSTITUTION/PERSON``.

    Attributes:
        role: such as ``bank`` or ``officer``.
        name: which one.
        fingerprint: the certificate's SHA-256, hex.
    """

    role: str
    name: str
    fingerprint: str

    @property
    def institution(self) -> str:
        """The institution that an officer works for; for others their own name."""
        return self.name.partition("/")[0]


def server_credentials(
    files: TlsFiles | OwnCertificate, *, require_client: bool
) -> grpc.ServerCredentials:
    """Credentials for a server; with `require_client` clients need a certificate of the root.

    Each handshake looks at the files, so a renewed certificate or root holds for every connection
    from then on. Connections that exist go on.

    Raises:
        SettingsError: the files cannot be read, or do not fit together.
    """
    require_tls13()
    own = files if isinstance(files, OwnCertificate) else OwnCertificate(files)
    shown = own.latest()

    def configuration() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(shown.key_pem, shown.certificate_pem)],
            root_certificates=shown.ca_pem if require_client else None,
        )

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal shown
        latest = own.latest()
        if latest is shown:
            return None
        shown = latest
        return configuration()

    return grpc.dynamic_ssl_server_credentials(
        configuration(), renewed, require_client_authentication=require_client
    )


def channel_credentials(
    ca: Path, certificate: Path | None = None, key: Path | None = None
) -> grpc.ChannelCredentials:
    """Credentials for a client; with a certificate and key it shows who it is."""
    require_tls13()
    return grpc.ssl_channel_credentials(
        root_certificates=ca.read_bytes(),
        private_key=key.read_bytes() if key is not None else None,
        certificate_chain=certificate.read_bytes() if certificate is not None else None,
    )


def certificate_of(files: TlsFiles, address: str, role: str, *, timeout_s: float) -> bytes:
    """Fetches a server's certificate, and verifies it and its role by the root.

    Args:
        files: the client's own, and the root.
        address: HOST:PORT of the server.
        role: the role that it must have.
        timeout_s: for each step of reaching it.

    Returns:
        The certificate, PEM.

    Raises:
        NoAnswer: it cannot be reached, or the root does not vouch for it and that role.
    """
    require_tls13()
    try:
        return _shown_by(files, address, role, timeout_s)
    except (OSError, ValueError) as error:
        raise NoAnswer(f"{address} could not be verified as {role}: {error}") from error


def only_to(certificate_pem: bytes, own: Shown) -> grpc.ChannelCredentials:
    """Credentials for a client that trusts one server certificate only, and shows its own.

    A server with another certificate for the same role is not trusted.

    Args:
        certificate_pem: the server's certificate, from `certificate_of`.
        own: the client's own.
    """
    require_tls13()
    return grpc.ssl_channel_credentials(certificate_pem, own.key_pem, own.certificate_pem)


def _shown_by(files: TlsFiles, address: str, role: str, timeout_s: float) -> bytes:
    """See `certificate_of`; raises OSError or ValueError instead of NoAnswer."""
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context(cafile=str(files.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(files.certificate, files.key)
    with (
        socket.create_connection((host.strip("[]"), int(port)), timeout_s) as plain,
        context.wrap_socket(plain, server_hostname=server_name(role)) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    if shown is None:
        raise ValueError("it shows no certificate")
    return ssl.DER_cert_to_PEM_cert(shown).encode()


def peer(context: grpc.ServicerContext) -> Identity | None:
    """The caller; None when it has no client certificate, or not exactly one role in it."""
    return identity_in(context.auth_context())


def identity_in(auth: Mapping[str, Sequence[bytes]]) -> Identity | None:
    """As `peer`, from what gRPC says of the connection of a call."""
    pems = auth.get("x509_pem_cert", [])
    if len(pems) != 1:
        return None
    roles = [
        parts
        for name in auth.get("peer_sans", auth.get("x509_subject_alternative_name", []))
        if (parts := urlsplit(name.decode("utf-8", "replace"))).scheme == _SCHEME
    ]
    if len(roles) != 1:
        return None
    return Identity(roles[0].netloc, roles[0].path.lstrip("/"), fingerprint(pems[0]))
