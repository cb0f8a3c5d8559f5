"""Over gRPC: a bank whose inner port takes connections and never answers takes nothing from others.

Its officers and its payments ask as often as they like; the others' calls are answered meanwhile.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from prometheus_client import CollectorRegistry

from central_bank.__main__ import _start_workers, services
from central_bank.app import CentralBank, build
from central_bank.authentication.authorization import central_authorizer
from central_bank.limits import BANK_TIMEOUT_S
from central_bank.peers.bank_client import GrpcBankPeers
from central_bank.tables import metadata
from currency import parties
from dcep.issuance.v1 import issuance_pb2, issuance_pb2_grpc
from dcep.office.v1 import office_pb2, office_pb2_grpc
from dcep.registration.v1 import registration_pb2, registration_pb2_grpc
from officers.build import Founding
from officers.effects import Act
from officers.signing import founding_record
from runtime.certificates import Authority, fingerprint
from runtime.channel import connect
from runtime.clock import SystemClock
from runtime.database import open_engine
from runtime.envelope import sign_payload
from runtime.errors import NoAnswer, Refusal
from runtime.limits import MAX_WORKERS
from runtime.metrics import CallMetrics
from runtime.server import Server
from runtime.tls import TlsFiles, server_credentials
from simulation.scheme.network import at_once
from tests.central_bank.admitting import KEYS, particulars
from tests.central_bank.system import LIN, MEI, ROOT, System
from tests.feeds import CENTRAL_KEY

SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
PENDING = registration_pb2.OUTCOME_STATE_PENDING


class HangingPort:
    """A port of this machine that takes connections and never says a word."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._taken: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self._taken.append(self._socket.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        for each in [self._socket, *self._taken]:
            each.close()


class HangingSystem:
    """A central bank on a port; beta's inner port hangs, gamma's wallets can all be paid."""

    def __init__(self, folder: Path) -> None:
        authority = Authority.create("root")
        own = authority.issue(parties.CENTRAL_BANK)
        engine = open_engine(f"sqlite:///{folder / 'central.db'}")
        metadata.create_all(engine)
        self.port = HangingPort()
        files = TlsFiles(folder / "crt", folder / "key", folder / "ca")
        files.certificate.write_bytes(own.certificate_pem)
        files.key.write_bytes(own.key_pem)
        files.ca.write_bytes(authority.certificate_pem)
        peers = GrpcBankPeers(files)
        hangs = peers.check

        def check(bank: Any, payees: Any) -> Any:
            return (
                at_once(lambda: [0] * len(payees)) if bank.name == "gamma" else hangs(bank, payees)
            )

        peers.check = check  # type: ignore[method-assign]
        officers = {
            who: authority.issue(parties.officer(who.institution, who.name)) for who in (LIN, MEI)
        }
        self.identities = {
            who: replace(who.identity, fingerprint=fingerprint(leaf.certificate_pem))
            for who, leaf in officers.items()
        }
        first = [who.registration() for who in officers]
        for one, who in zip(first, officers, strict=True):
            one.certificate_fingerprint = self.identities[who].fingerprint
        self.central: CentralBank = build(
            engine,
            root=ROOT,
            business_key=CENTRAL_KEY,
            founding=Founding(
                founding_record("central-bank", first, ROOT, 1), bytes(ROOT.verify_key)
            ),
            bank_peers=peers,
            clock=SystemClock(),
            threaded=True,
        )
        self.channels: dict[str, grpc.Channel] = {}
        issued = {name: authority.issue(parties.bank(name)) for name in PREFIXES}
        for name, prefix in PREFIXES.items():
            key = bytes(KEYS.get(name, KEYS["other"]).verify_key)
            bank = particulars(name, prefix, key)
            address = self.port.address if name == "beta" else bank.inner_address
            known = fingerprint(issued[name].certificate_pem)
            self.central.registry.admit(
                replace(bank, certificate_fingerprint=known, inner_address=address)
            )
            self.both(office_pb2.PayInReserves(bank=name, amount_fen=1_000))
            self.both(office_pb2.Issue(bank=name, amount_fen=500))
        self.fatal_errors: list[BaseException] = []
        self.workers = _start_workers(self.central, self.fatal_errors.append)
        registry = CollectorRegistry()
        self.server = Server(
            services(self.central),
            credentials=server_credentials(files, require_client=True),
            address="127.0.0.1:0",
            registry=registry,
            metrics=CallMetrics(registry),
            authorize=central_authorizer(
                self.central.registry, self.central.officers, self.central.standing
            ),
        )
        self.server.start()
        for name, leaf in {**issued, "lin": officers[LIN]}.items():
            self.channels[name] = connect(
                f"127.0.0.1:{self.server.port}",
                grpc.ssl_channel_credentials(
                    authority.certificate_pem, leaf.key_pem, leaf.certificate_pem
                ),
                parties.CENTRAL_BANK,
            )

    def both(self, kind: Message) -> Act:
        """Lin and Mei do something."""
        now_ms = SystemClock().now_ms()
        proposal = LIN.propose(kind, now_ms)
        self.central.acts.propose(self.identities[LIN], proposal)
        approval = MEI.signer.approve(proposal.payload, now_ms)
        return self.central.acts.approve(self.identities[MEI], approval)

    def redeem(self) -> Any:
        """Lin proposes a redemption of beta, for which its vault is to reserve money."""
        kind = office_pb2.Redeem(bank="beta", amount_fen=1)
        proposal = LIN.propose(kind, SystemClock().now_ms())
        return office_pb2_grpc.ActServiceStub(self.channels["lin"]).ProposeAct(
            office_pb2.ProposeActRequest(proposal=proposal), timeout=30
        )

    def submit(self, *payments: registration_pb2.OutboundPayment) -> list[int]:
        """States of payments that alpha submits."""
        now_ms = SystemClock().now_ms()
        batch = registration_pb2.OutboundBatch(
            bank="alpha", created_time_ms=now_ms, expires_time_ms=now_ms + 60_000, payments=payments
        )
        payload = batch.SerializeToString()
        request = registration_pb2.SubmitPaymentsRequest(
            batch=sign_payload(registration_pb2.OutboundBatch, payload, KEYS["alpha"], b"alpha")
        )
        stub = registration_pb2_grpc.RegistrationServiceStub(self.channels["alpha"])
        return [outcome.state for outcome in stub.SubmitPayments(request, timeout=30).outcomes]

    def close(self) -> None:
        for channel in self.channels.values():
            channel.close()
        self.port.close()
        self.server.stop()
        for worker in self.workers:
            worker.stop()
        self.central.books.stop()
        assert self.fatal_errors == []


PREFIXES = {"alpha": "6201", "beta": "6202", "gamma": "6203"}


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[HangingSystem]:
    folder = tmp_path / "served"
    folder.mkdir()
    made = HangingSystem(folder)
    yield made
    made.close()


def test_redemptions_of_a_bank_that_hangs_take_no_threads_of_the_centre(
    hanging: HangingSystem,
) -> None:
    with ThreadPoolExecutor(2 * MAX_WORKERS) as pool:
        asked = [pool.submit(_said, hanging.redeem) for _ in range(2 * MAX_WORKERS)]
        stub = issuance_pb2_grpc.IssuanceServiceStub(hanging.channels["gamma"])
        # Far less than the hanging bank may take for one answer.
        stub.GetBooks(issuance_pb2.GetBooksRequest(), timeout=BANK_TIMEOUT_S / 2 + 0.5)
        act = hanging.both(office_pb2.Issue(bank="gamma", amount_fen=1))
        assert act.state == office_pb2.ACT_STATE_APPROVED
        said = {each.result() for each in asked}
    assert office_pb2.ACT_STATE_OPEN in said <= {office_pb2.ACT_STATE_OPEN, "OVERLOADED"}


def test_payments_to_a_bank_that_hangs_hold_up_none_to_another(
    hanging: HangingSystem, system: System
) -> None:
    to_beta = [_payment(system, "beta") for _ in range(3)]
    to_gamma = [_payment(system, "gamma") for _ in range(3)]
    answered = [hanging.submit(*pair) for pair in zip(to_beta, to_gamma, strict=True)]
    assert answered == [[PENDING, SETTLED]] * 3
    assert hanging.submit(*to_gamma) == [SETTLED] * 3


def _said(ask: Any) -> int | str:
    try:
        return int(ask().act.state)
    except Refusal as refusal:
        return refusal.name
    except NoAnswer as error:
        return str(error)


def _payment(system: System, payee: str) -> registration_pb2.OutboundPayment:
    bank = replace(system.beta, prefix=PREFIXES[payee])
    now_ms = SystemClock().now_ms()
    times = {"created_time_ms": now_ms, "expires_time_ms": now_ms + 60_000}
    return system.payment(system.alpha, bank, 1, **times)
