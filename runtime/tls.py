"""TLS credentials from files, and who is at the other end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from runtime.certificates import fingerprint

_SCHEME = "dcep"


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: an own certificate with its key, and the root that is trusted."""

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True)
class Identity:
    """A peer, by its verified certificate ``dcep://ROLE/NAME``.

    For an officer the name is ``INSTITUTION/PERSON``.
    """

    role: str
    name: str
    fingerprint: str

    @property
    def institution(self) -> str:
        """For which institution an officer works; for others the name itself."""
        return self.name.partition("/")[0]


def server_credentials(files: TlsFiles, *, require_client: bool) -> grpc.ServerCredentials:
    """For a server; with `require_client` only certificates of the root may connect."""
    return grpc.ssl_server_credentials(
        [(files.key.read_bytes(), files.certificate.read_bytes())],
        root_certificates=files.ca.read_bytes() if require_client else None,
        require_client_auth=require_client,
    )


def channel_credentials(
    ca: Path, certificate: Path | None = None, key: Path | None = None
) -> grpc.ChannelCredentials:
    """For a client; with a certificate and key it shows who it is."""
    return grpc.ssl_channel_credentials(
        root_certificates=ca.read_bytes(),
        private_key=key.read_bytes() if key is not None else None,
        certificate_chain=certificate.read_bytes() if certificate is not None else None,
    )


def peer(context: grpc.ServicerContext) -> Identity | None:
    """Who calls; None without a client certificate or without exactly one role in it."""
    auth = context.auth_context()
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
