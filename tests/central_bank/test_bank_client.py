"""The central bank asks a bank at its inner address, and nobody else who might listen there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry

from central_bank.authentication.bank import AdmittedBank, ReplacedCertificate
from central_bank.peers.bank_client import GrpcBankPeers
from currency import parties
from dcep.bank.v1 import inbound_pb2, inbound_pb2_grpc
from runtime.certificates import Authority, fingerprint
from runtime.clock import SystemClock
from runtime.errors import NoAnswer
from runtime.metrics import CallMetrics
from runtime.server import Server, Service
from runtime.tls import TlsFiles, server_credentials
from tests.central_bank.admitting import particulars

PAYEES = ["6201000000000012"]


class Inbound(inbound_pb2_grpc.InboundServiceServicer):
    """Takes anything, and counts how often it was asked."""

    asked = 0

    def CheckPayees(self, request: Any, context: Any) -> Any:
        self.asked += 1
        return inbound_pb2.CheckPayeesResponse(can_be_paid=[True] * len(request.wallet_numbers))


class System:
    """Certificates of one root, and servers that show them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority.create("root")
        self.inbound = Inbound()
        self.servers: list[Server] = []

    def files(self, role: str) -> TlsFiles:
        """A new certificate for a role."""
        place = self.folder / str(len(list(self.folder.iterdir())))
        place.mkdir()
        files = TlsFiles(place / "crt", place / "key", place / "ca")
        issued = self.authority.issue(role)
        files.certificate.write_bytes(issued.certificate_pem)
        files.key.write_bytes(issued.key_pem)
        files.ca.write_bytes(self.authority.certificate_pem)
        return files

    def serve(self, files: TlsFiles, address: str = "127.0.0.1:0") -> str:
        """Serves with a certificate; the address."""
        add: Any = inbound_pb2_grpc.add_InboundServiceServicer_to_server
        registry = CollectorRegistry()
        server = Server(
            [Service("dcep.bank.v1.InboundService", lambda s: add(self.inbound, s))],
            credentials=server_credentials(files, require_client=True),
            address=address,
            registry=registry,
            metrics=CallMetrics(registry),
        )
        server.start()
        self.servers.append(server)
        return f"127.0.0.1:{server.port}"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    made = System(tmp_path)
    yield made
    for server in made.servers:
        server.stop()
    structlog.reset_defaults()


def admitted(files: TlsFiles, address: str) -> AdmittedBank:
    """Alpha as the authentication centre knows it."""
    mark = fingerprint(files.certificate.read_bytes())
    return replace(
        particulars("alpha", "6201"), certificate_fingerprint=mark, inner_address=address
    )


@pytest.fixture
def peers(system: System) -> GrpcBankPeers:
    return GrpcBankPeers(system.files(parties.CENTRAL_BANK))


def test_a_bank_with_the_certificate_that_was_admitted_is_asked(
    system: System, peers: GrpcBankPeers
) -> None:
    files = system.files(parties.bank("alpha"))
    alpha = admitted(files, system.serve(files))
    for _ in range(2):
        assert peers.check(alpha, PAYEES).result() == [0]


@pytest.mark.parametrize(
    "shown",
    [
        parties.bank("beta"),
        parties.CENTRAL_BANK,
        # Its own role; but a certificate that was replaced, or is yet to be admitted.
        parties.bank("alpha"),
    ],
)
def test_whoever_else_listens_at_its_address_is_told_nothing(
    system: System, peers: GrpcBankPeers, shown: str
) -> None:
    alpha = admitted(system.files(parties.bank("alpha")), system.serve(system.files(shown)))
    with pytest.raises(NoAnswer):
        peers.check(alpha, PAYEES).result()
    assert system.inbound.asked == 0


def test_a_new_certificate_counts_once_it_is_admitted(system: System, peers: GrpcBankPeers) -> None:
    old, new = system.files(parties.bank("alpha")), system.files(parties.bank("alpha"))
    assert peers.check(admitted(old, system.serve(old)), PAYEES).result() == [0]
    address = system.serve(new)
    with pytest.raises(NoAnswer):
        peers.check(admitted(old, address), PAYEES).result()
    assert peers.check(admitted(new, address), PAYEES).result() == [0]


def renewed(old: TlsFiles, new: TlsFiles, address: str, *, until_ms: int) -> AdmittedBank:
    """Alpha with a new certificate; the old one is good until a time."""
    mark = fingerprint(old.certificate.read_bytes())
    return replace(
        admitted(new, address),
        replaced_certificates=(ReplacedCertificate(1, until_ms, False, mark),),
    )


def test_a_bank_that_changes_its_certificate_is_asked_before_and_after(
    system: System, peers: GrpcBankPeers
) -> None:
    old, new = system.files(parties.bank("alpha")), system.files(parties.bank("alpha"))
    address = system.serve(old)
    later_ms = SystemClock().now_ms() + 3_600_000
    assert peers.check(admitted(old, address), PAYEES).result() == [0]
    alpha = renewed(old, new, address, until_ms=later_ms)
    # It has been announced, and is not shown yet.
    assert peers.check(alpha, PAYEES).result() == [0]
    system.servers[-1].stop()
    with pytest.raises(NoAnswer):
        peers.check(alpha, PAYEES).result()
    system.serve(new, address)
    answered: list[int] = []
    while not answered:  # the connection that broke may be noticed by one question more
        with suppress(NoAnswer):
            answered = peers.check(alpha, PAYEES).result()
    assert answered == [0]


def test_a_bank_that_shows_a_certificate_that_has_ended_is_not_asked(
    system: System, peers: GrpcBankPeers
) -> None:
    old, new = system.files(parties.bank("alpha")), system.files(parties.bank("alpha"))
    address = system.serve(old)
    assert peers.check(admitted(old, address), PAYEES).result() == [0]
    for _ in range(2):
        with pytest.raises(NoAnswer):
            ended_ms = SystemClock().now_ms()
            peers.check(renewed(old, new, address, until_ms=ended_ms), PAYEES).result()
    assert system.inbound.asked == 1
