"""Payments that go on and on, while keys and certificates are changed."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from auditor.audit import audit_stack
from dcep.bank.v1 import offline_pb2, offline_pb2_grpc
from dcep.registration.v1 import registration_pb2, registration_pb2_grpc
from deployment.connections import certified_channel, public_channel, stub
from offline_token.bundle import TrustBundle
from runtime.clock import SystemClock
from runtime.envelope import sign
from sandbox.demo.environment import Stream, System
from tests.integration.commands import Done, dcep

TOPPED_UP_FEN, OFFLINE_FEN = 500_000, 10_000


class Drill:
    """A system in which Alice of alpha pays Bob of beta, and Bob pays Alice, on and on."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.alice = system.person("alice", "alpha", holder_name="Alice")
        self.bob = system.person("bob", "beta", holder_name="Bob")
        for person in (self.alice, self.bob):
            person.top_up(TOPPED_UP_FEN)

    def dcep(self, *words: str) -> Done:
        """A command about keys. It has to work."""
        done = dcep("keys", *words, "--json", "--stack", str(self.system.plan.folder))
        assert done.code == 0, done.err
        return done

    def through(self, *changes: tuple[str, ...]) -> None:
        """Makes changes while payments go on in both directions: each one settles."""
        count = 20 * (len(changes) + 1)
        streams = [
            Stream(payer, payee.number, 100, count=count)
            for payer, payee in ((self.alice, self.bob), (self.bob, self.alice))
        ]
        for number, words in enumerate(changes):
            for stream in streams:
                stream.wait_settled(5 * (number + 1))
            self.dcep(*words)
        live = audit_stack(self.system.plan)
        assert live.ok, live.problems
        for stream in streams:
            assert len(set(stream.finish())) == count

    def registered(self, party: str, kind: str) -> list[dict[str, Any]]:
        """What the list says of a party's keys or certificates, the newest first."""
        rows: list[dict[str, Any]] = self.dcep("list").answer["registered"]
        return [row for row in rows if (row["party"], row["kind"]) == (party, kind)]


def saved(drill: Drill, folder: Path, *names: str) -> list[Path]:
    """Copies of files that are about to be replaced: what a thief would have."""
    return [
        Path(shutil.copy(folder / name, drill.system.homes / f"stolen-{name}")) for name in names
    ]


def as_bank(drill: Drill, bank: str, certificate: Path, key: Path) -> Any:
    channel = certified_channel(
        drill.system.plan, drill.system.plan.central_address, certificate, key
    )
    return stub(registration_pb2_grpc.RegistrationServiceStub, channel)


def registration_by(key: SigningKey, bank: str) -> registration_pb2.RegisterTokensRequest:
    """Something that would be refused for what it says, were its signature good."""
    now_ms = SystemClock().now_ms()
    order = registration_pb2.TokenRegistration(
        bank=bank,
        number=1,
        amount_fen=1,
        device_certificate=b"no certificate",
        possession=bytes(96),
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    signed = sign(order, key, bank.encode())
    return registration_pb2.RegisterTokensRequest(registration=signed)


def shown_at(address: str) -> str:
    """The fingerprint of the certificate that a server shows to who connects now."""
    host, _, port = address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, int(port)), 10.0) as plain,
        context.wrap_socket(plain) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return hashlib.sha256(shown).hexdigest()


class Poser:
    """Whoever answers at the central bank's address with a certificate; hears what is said."""

    def __init__(self, address: str, certificate: Path, key: Path) -> None:
        self.connections, self.heard = 0, 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_alpn_protocols(["h2"])
        self._context.load_cert_chain(certificate, key)
        host, _, port = address.rpartition(":")
        self._socket = socket.create_server((host, int(port)))
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            plain.settimeout(2.0)
            try:
                with self._context.wrap_socket(plain, server_side=True) as connection:
                    self.connections += 1
                    self.heard += len(connection.recv(100))
            except OSError:
                plain.close()

    def __enter__(self) -> Poser:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10.0)


def root_of_bundle(drill: Drill, bank: str) -> tuple[bytes, int]:
    """The root whose bundle a bank hands on, and how many roots' tokens it says count."""
    with public_channel(drill.system.plan, drill.system.plan.bank(bank).public_address) as channel:
        offline = stub(offline_pb2_grpc.OfflineServiceStub, channel)
        answer = offline.GetTrustBundle(offline_pb2.GetTrustBundleRequest(), timeout=10.0)
    root, bundle = answer.trust_bundle[:32], TrustBundle.decode(answer.trust_bundle[32:])
    return root, len(bundle.roots(root, SystemClock().now_ms()))
