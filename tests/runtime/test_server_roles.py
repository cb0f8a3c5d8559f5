"""Whose server it is: its certificate says so, and a client speaks to nobody else."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from cryptography import x509
from google.protobuf.wrappers_pb2 import Int32Value

from runtime.channel import connect, served_by
from runtime.errors import NoAnswer
from runtime.own_certificate import OwnCertificate
from runtime.roles import server_name
from runtime.tls import TlsFiles, certificate_of, channel_credentials, only_to
from tests.runtime.served import SERVER, Root, Serve, ask, unary

OTHERS = [
    "dcep://central-bank/central-bank",
    "dcep://bank/serve",
    "dcep://bank/server2",
    "dcep://server/bank",
]


@pytest.mark.parametrize("role", OTHERS)
def test_a_server_with_another_role_is_not_spoken_to(serve: Serve, root: Root, role: str) -> None:
    reached: list[int] = []

    def note(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        reached.append(request.value)
        return request

    served = serve(note)
    credentials = root.credentials("dcep://bank/alpha")
    with connect(served.address, credentials, role) as channel, pytest.raises(NoAnswer):
        ask(channel)
    assert reached == []
    with connect(served.address, credentials, SERVER) as channel:
        assert ask(channel, 7) == 7


def test_a_certificate_names_no_host_and_a_person_serves_nothing(root: Root) -> None:
    def names(role: str) -> list[tuple[str, str]]:
        pem = root.authority.issue(role).certificate_pem
        found = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        return [(type(name).__name__, str(name.value)) for name in found.value]

    assert names("dcep://bank/alpha") == [
        ("UniformResourceIdentifier", "dcep://bank/alpha"),
        ("DNSName", "alpha.bank.dcep.internal"),
    ]
    person = "dcep://officer/central-bank/lin"
    assert names(person) == [("UniformResourceIdentifier", person)]


@pytest.mark.parametrize(
    "role",
    [
        "dcep://bank/Alpha",
        "dcep://bank/a.b",
        "dcep://bank/*",
        "dcep://bank/",
        "dcep://bank/a/b",
        "dcep://bank",
        "https://bank/alpha",
        "dcep://bank/" + "a" * 64,
        "dcep://bank/alpha\n",
    ],
)
def test_a_role_that_cannot_be_a_name_of_its_own_serves_nothing(role: str) -> None:
    with pytest.raises(ValueError, match="no role that could serve"):
        server_name(role)


def test_a_host_is_no_role(serve: Serve, root: Root) -> None:
    """A channel that goes by the host's name, as gRPC does by default, reaches nobody."""
    credentials = root.credentials("dcep://bank/alpha")
    served = serve()
    for host in ("localhost", "127.0.0.1"):
        with grpc.secure_channel(f"{host}:{served.server.port}", credentials) as channel:
            with pytest.raises(grpc.RpcError) as caught:
                unary(channel)(Int32Value(value=1), timeout=3.0)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_only_the_admitted_certificate_is_spoken_to(serve: Serve, root: Root) -> None:
    mine = root.files("dcep://central-bank/central-bank")
    served = serve()
    pem = certificate_of(mine, served.address, SERVER, timeout_s=5.0)
    assert pem.strip() == (root.folder / "dcep:__bank_server.pem").read_bytes().strip()
    credentials = only_to(pem, OwnCertificate(mine).latest())
    with connect(served.address, credentials, SERVER) as channel:
        assert ask(channel, 7) == 7
    with pytest.raises(NoAnswer, match="could not be verified"):
        certificate_of(mine, served.address, OTHERS[0], timeout_s=5.0)

    # The same role, another certificate, at an address that was verified before.
    served.server.stop()
    again = serve()
    with connect(again.address, credentials, SERVER) as channel, pytest.raises(NoAnswer):
        ask(channel)


def test_a_server_that_hangs_is_not_waited_for(root: Root) -> None:
    mine = root.files("dcep://central-bank/central-bank")
    with socket.create_server(("localhost", 0)) as silent:
        address = f"localhost:{silent.getsockname()[1]}"
        with pytest.raises(NoAnswer, match="could not be verified"):
            certificate_of(mine, address, SERVER, timeout_s=0.2)


def handshake(port: int, files: TlsFiles, version: ssl.TLSVersion) -> str | None:
    """The version that a client of one version alone comes to; raises ssl.SSLError or OSError."""
    context = ssl.create_default_context(cafile=str(files.ca))
    context.load_cert_chain(files.certificate, files.key)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("localhost", port), 5.0) as plain,
        context.wrap_socket(plain, server_hostname=server_name(SERVER)) as connection,
    ):
        return connection.version()


@pytest.mark.parametrize("require_client", [True, False])
def test_a_server_speaks_nothing_older_than_tls_1_3(
    serve: Serve, root: Root, require_client: bool
) -> None:
    port = serve(require_client=require_client).server.port
    files = root.files("dcep://bank/alpha")
    assert handshake(port, files, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(port, files, ssl.TLSVersion.TLSv1_2)


@contextmanager
def old_server(files: TlsFiles, version: ssl.TLSVersion) -> Iterator[tuple[str, list[str | None]]]:
    """The address of a server of one version alone, and what came of handshakes there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    came: list[str | None] = []

    def answer() -> None:
        visitor, _ = door.accept()
        try:
            with context.wrap_socket(visitor, server_side=True) as connection:
                came.append(connection.version())
        except (ssl.SSLError, OSError):
            came.append(None)

    with socket.create_server(("localhost", 0)) as door:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"localhost:{door.getsockname()[1]}", came
        thread.join(10.0)


@pytest.mark.parametrize(
    ("version", "came"),
    [(ssl.TLSVersion.TLSv1_2, [None]), (ssl.TLSVersion.TLSv1_3, ["TLSv1.3"])],
)
def test_a_client_speaks_nothing_older_than_tls_1_3(
    root: Root, version: ssl.TLSVersion, came: list[str | None]
) -> None:
    with (
        old_server(root.files(SERVER), version) as (address, seen),
        connect(address, channel_credentials(root.ca), SERVER) as channel,
        pytest.raises(NoAnswer),
    ):
        unary(channel)(Int32Value(value=1), timeout=2.0)
    assert seen == came


def test_grpc_that_was_imported_too_early_to_leave_tls_1_2_out_is_not_used() -> None:
    code = "import grpc, runtime; runtime.require_tls13()"
    ran = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "import runtime before grpc" in ran.stderr


def test_each_program_of_ours_leaves_tls_1_2_out() -> None:
    for program in (
        "central_bank.__main__", "operator_bank.__main__", "operator_bank.edge.__main__",
        "wallet.__main__", "wallet.cli.main", "sandbox.cli.main", "bench.__main__",
    ):  # fmt: skip
        code = f"import {program}, runtime; runtime.require_tls13()"
        subprocess.run([sys.executable, "-c", code], env={}, check=True)


def test_options_of_a_channel_without_ours_say_whose_server_it_is() -> None:
    assert served_by(SERVER) == (("grpc.default_authority", "server.bank.dcep.internal"),)
