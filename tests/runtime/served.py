"""A root with certificates, a server with one call and one stream, and channels to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import Int32Value
from prometheus_client import CollectorRegistry

from dcep.errors.v1 import errors_pb2
from runtime.certificates import Authority, Issued
from runtime.channel import connect, served_by
from runtime.errors import Refusal
from runtime.server import Server
from runtime.tls import Identity, TlsFiles, channel_credentials

NAME = "dcep.test.v1.Numbers"
SERVER = "dcep://bank/server"
Handler = Callable[[Int32Value, grpc.ServicerContext], Any]


@dataclass(frozen=True)
class Root:
    """A certificate authority whose files lie in a folder."""

    authority: Authority
    folder: Path

    @classmethod
    def create(cls, folder: Path) -> Root:
        folder.mkdir()
        root = cls(Authority.create("test root"), folder)
        root.ca.write_bytes(root.authority.certificate_pem)
        return root

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def files(self, role_uri: str) -> TlsFiles:
        """A new leaf."""
        return self.write(role_uri.replace("/", "_"), self.authority.issue(role_uri))

    def write(self, name: str, issued: Issued) -> TlsFiles:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(issued.certificate_pem)
        key.write_bytes(issued.key_pem)
        return TlsFiles(certificate, key, self.ca)

    def credentials(self, role_uri: str) -> grpc.ChannelCredentials:
        """A client's, with a new leaf."""
        files = self.files(role_uri)
        return channel_credentials(self.ca, files.certificate, files.key)


@dataclass
class Served:
    """A running server and channels to it."""

    server: Server
    root: Root
    registry: CollectorRegistry
    channels: list[grpc.Channel] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"localhost:{self.server.port}"

    def ours(self, credentials: grpc.ChannelCredentials | None = None) -> grpc.Channel:
        """A channel as our clients have it; by default of bank alpha."""
        given = self.root.credentials("dcep://bank/alpha") if credentials is None else credentials
        self.channels.append(connect(self.address, given, SERVER))
        return self.channels[-1]

    def plain(self) -> grpc.Channel:
        """A channel of bank alpha with gRPC's own errors and no limits."""
        credentials = self.root.credentials("dcep://bank/alpha")
        limits = [
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
            *served_by(SERVER),
        ]
        self.channels.append(grpc.secure_channel(self.address, credentials, limits))
        return self.channels[-1]


Serve = Callable[..., Served]


def unary(channel: grpc.Channel) -> grpc.UnaryUnaryMultiCallable:
    """The test service's one call."""
    return channel.unary_unary(f"/{NAME}/Ask", Int32Value.SerializeToString, Int32Value.FromString)


def stream(channel: grpc.Channel) -> grpc.UnaryStreamMultiCallable:
    """The test service's one stream."""
    return channel.unary_stream(
        f"/{NAME}/Follow", Int32Value.SerializeToString, Int32Value.FromString
    )


def ask(channel: grpc.Channel, value: int = 1) -> int:
    """Asks as our clients do."""
    return int(unary(channel)(Int32Value(value=value)).value)


def echo(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
    """Answers what it is asked."""
    return request


def count(request: Int32Value, context: grpc.ServicerContext) -> Iterator[Int32Value]:
    """1, 2, … up to what it is asked."""
    for value in range(1, request.value + 1):
        yield Int32Value(value=value)


def only_bank_alpha(who: Identity | None, method: str) -> None:
    """An authorizer that lets one bank in."""
    if who is None:
        raise Refusal(errors_pb2.REASON_CERTIFICATE_REQUIRED, "show a certificate")
    if (who.role, who.name) != ("bank", "alpha"):
        raise Refusal(errors_pb2.REASON_ROLE_NOT_ALLOWED, f"{who.role} {who.name} may not")
