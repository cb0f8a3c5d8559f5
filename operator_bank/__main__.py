"""Runs a bank's process: ``python -m operator_bank --bank alpha --settings FILE``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import grpc
from prometheus_client import CollectorRegistry, Counter, Gauge

from currency import parties
from dcep.bank.v1 import (
    aliases_pb2_grpc,
    asking_pb2_grpc,
    edge_pb2_grpc,
    exchange_pb2_grpc,
    inbound_pb2_grpc,
    keys_pb2_grpc,
    officers_pb2_grpc,
    offline_pb2_grpc,
    payments_pb2_grpc,
    signers_pb2_grpc,
    sub_wallets_pb2_grpc,
    wallets_pb2_grpc,
)
from officers.build import Founding
from officers.founding_file import read_founding_file
from officers.grpc_acts import act_service
from operator_bank.aliases.secret import AliasKeyWrong, read_alias_key
from operator_bank.api.aliases import GrpcAliases
from operator_bank.api.asking import GrpcAsking
from operator_bank.api.edge import GrpcEdge
from operator_bank.api.exchange import GrpcExchange
from operator_bank.api.inbound import GrpcInbound
from operator_bank.api.inner import inner_authorizer
from operator_bank.api.keys import GrpcKeys
from operator_bank.api.office import GrpcOffice
from operator_bank.api.offline import GrpcOffline
from operator_bank.api.payments import GrpcPayments
from operator_bank.api.signers import GrpcSigners
from operator_bank.api.sub_wallets import GrpcSubWallets
from operator_bank.api.wallets import GrpcWallets
from operator_bank.app import BankParts, OperatorBank, build
from operator_bank.customers.providers import identity_checks
from operator_bank.customers.sealing import KeyFileWrong, read_customers_keys
from operator_bank.edge.child import EdgeProcess
from operator_bank.feed.metrics import watch_feed
from operator_bank.ledger.standing import public_authorizer
from operator_bank.limits import (
    CENTRAL_KEYS_IDLE_S,
    EDGE_WORKERS,
    FEED_RECEIPT_S,
    FIRST_WORD_S,
    LEAST_KEY_WAIT_S,
    LONGEST_KEY_WAIT_S,
    REVOCATIONS_IDLE_S,
)
from operator_bank.offline.newest_bundle import read_roots
from operator_bank.peers.central_bank_client import GrpcCentralBank
from operator_bank.peers.central_keys import KeysFile
from operator_bank.peers.contradictions import watch_contradictions
from operator_bank.settings import Settings
from runtime.begin import leave
from runtime.clock import SystemClock
from runtime.database import OtherSchema
from runtime.limits import MAX_CONCURRENT_CALLS, MAX_STREAMS, MESSAGE_OPTIONS
from runtime.logs import configure_logs, logger, say
from runtime.memory import collect_rarely
from runtime.metrics import CallMetrics, serve_metrics, watch_days_left, watch_serving
from runtime.one_writer import DatabaseAway, DatabaseTaken
from runtime.own_certificate import OwnCertificate
from runtime.renewing_channel import RenewingChannel
from runtime.renewing_key import RenewingKey
from runtime.server import Server, Service
from runtime.service_process import ServiceProcess
from runtime.settings import SettingsError, load_settings
from runtime.signatures import SignatureVerifier
from runtime.signing_keys import Signer
from runtime.tls import TlsFiles, server_credentials
from runtime.worker import Worker

T = TypeVar("T")

SERVICE = "operator_bank"


def main() -> int:
    """Runs until SIGTERM.

    Returns:
        The exit status: 0 after SIGTERM, 1 after a fatal error, 2 if the bank cannot start as it is
            set up.
    """
    parser = argparse.ArgumentParser(prog="python -m operator_bank", description=__doc__)
    parser.add_argument("--bank", help="must be the bank that the settings name")
    parser.add_argument("--settings", type=Path, help="TOML file; DCEP_… variables override it")
    parser.add_argument(
        "--migrate", action="store_true", help="bring the database up to date first"
    )
    parser.add_argument(
        "--migrate-only", action="store_true", help="bring the database up to date, and end"
    )
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="go on in place of a service on the same PostgreSQL database that cannot be stopped",
    )
    arguments = parser.parse_args()
    try:
        settings = load_settings(Settings, arguments.settings)
        if arguments.bank not in (None, settings.bank):
            raise SettingsError(f"the settings are for bank {settings.bank!r}")
        configure_logs(settings.bank, settings.log_file)
        if arguments.migrate_only:
            return migrate(settings, take_over=arguments.take_over)
        return run(
            settings, arguments.settings, migrate=arguments.migrate, take_over=arguments.take_over
        )
    except (SettingsError, OtherSchema, DatabaseTaken, KeyFileWrong, AliasKeyWrong) as error:
        say(f"operator_bank: {error}")
        return 2
    except DatabaseAway as error:
        say(f"operator_bank: {error}")
        return 1


def migrate(settings: Settings, *, take_over: bool) -> int:
    """Brings the database up to date, once nobody else writes it, and serves nobody."""
    return ServiceProcess(SERVICE, settings.database_url, migrate=True, take_over=take_over).end()


def run(settings: Settings, file: Path | None, *, migrate: bool, take_over: bool) -> int:
    """Builds the bank, serves until it is told to stop, and takes everything down again."""
    process = ServiceProcess(
        SERVICE,
        settings.database_url,
        migrate=migrate,
        take_over=take_over,
        standby=settings.standby,
    )
    edge = EdgeProcess(file, partial(_edge_ended, process))
    files = TlsFiles(settings.tls_certificate, settings.tls_key, settings.tls_ca)
    key = RenewingKey(settings.business_key, in_files=settings.keys_in_files)
    clock = SystemClock()
    own = OwnCertificate(files)
    channel = RenewingChannel(files, own, settings.central_bank_address, parties.CENTRAL_BANK)
    central_bank = GrpcCentralBank(channel, settings.bank, key, clock)
    verifier = SignatureVerifier(os.cpu_count() or 1)
    bank = build(
        process.engine,
        _parts(settings, key),
        central_bank=central_bank,
        clock=clock,
        verifier=verifier,
        threaded=True,
        on_stopped=process.fatal_error,
    )
    channel.refused = bank.central_keys.revoked_certificates
    bank.central_keys.on_revoked = channel.heed
    bank.books.projection.on_gone = process.say_gone
    process.watch()
    central_bank.incarnation = lambda: bank.windows.incarnation
    workers = _begin(bank, process)
    servers = _serve(bank, settings, own, edge.address, process.may_answer)
    edge.open()
    if settings.keys_in_files:
        logger(SERVICE).warning("keys may lie in files here: for a sandbox only")
    if settings.identity_checks.startswith("sandbox"):
        logger(SERVICE).warning("nobody's identity is really checked here: for a sandbox only")
    logger(SERVICE).info("serving", public=settings.public_address, inner=settings.inner_address)
    collect_rarely()
    process.wait()
    edge.stop()
    for server in servers:
        server.stop()
    central_bank.stop_feed()
    for worker in workers:
        worker.stop()
    bank.books.stop()
    channel.close()
    verifier.close()
    return process.end()


def _edge_ended(process: ServiceProcess, status: int) -> None:
    if status:
        process.fatal_error(RuntimeError(f"the edge ended with status {status}"))
    process.stop()


def _begin(bank: OperatorBank, process: ServiceProcess) -> list[Worker]:
    """Starts the workers, and waits a little for the central bank to say where the bank stands."""
    bank.follower.ask()
    workers = _start_workers(bank, process.fatal_error)
    # A bank that has applied nothing of the feed yet has no past to show.
    if bank.follower.place.number and not bank.standing.wait(FIRST_WORD_S):
        logger(SERVICE).warning("the central bank is not reached: payments to other banks wait")
    return workers


def _parts(settings: Settings, key: Signer) -> BankParts:
    return BankParts(
        name=settings.bank,
        prefix=settings.prefix,
        business_key=key,
        opening_deposit_fen=settings.opening_deposit_fen,
        till_float_fen=settings.till_float_fen,
        central_keys=KeysFile(settings.central_bank_keys),
        offline_roots=read_roots(settings.offline_roots),
        founding=Founding(read_founding_file(settings.officers_file), bytes(key.verify_key)),
        key_wait_ms=_key_wait_ms(settings),
        alias_key=read_alias_key(settings.alias_key),
        customers_keys=read_customers_keys(settings.customers_key),
        checks=identity_checks(
            settings.identity_checks,
            settings.identity_outbox,
            in_sandbox=settings.keys_in_files,
        ),
    )


def _key_wait_ms(settings: Settings) -> int:
    """How long a wallet's key can object. Raises SettingsError."""
    least_s = 1 if settings.keys_in_files else LEAST_KEY_WAIT_S
    if not least_s <= settings.key_wait_s <= LONGEST_KEY_WAIT_S:
        raise SettingsError(
            f"key_wait_s is {least_s} to {LONGEST_KEY_WAIT_S} seconds, not {settings.key_wait_s}"
        )
    return settings.key_wait_s * 1_000


def _start_workers(
    bank: OperatorBank, fatal_error: Callable[[BaseException], None]
) -> list[Worker]:
    pumps = {
        name: Worker(name, step, idle_s=0.5, on_fatal_error=fatal_error)
        for name, step in bank.pumps.items()
    }
    bank.outgoing.on_work = pumps["outbound"].wake

    def wake_both() -> None:
        pumps["asking"].wake()
        pumps["mandates"].wake()

    bank.asks.on_work = wake_both
    bank.aliases.on_work = pumps["aliases"].wake
    revocations = bank.offline.revocations
    revoker = Worker(
        "revocations", revocations.step, idle_s=REVOCATIONS_IDLE_S, on_fatal_error=fatal_error
    )
    revocations.on_found = revoker.wake
    workers = [
        *pumps.values(),
        Worker("feed", bank.follower.step, idle_s=0.2, on_fatal_error=fatal_error),
        Worker(
            "feed-receipts",
            bank.follower.acknowledge,
            idle_s=FEED_RECEIPT_S,
            on_fatal_error=fatal_error,
        ),
        Worker("projection", bank.project, idle_s=0.1, on_fatal_error=fatal_error),
        Worker(
            "central-keys",
            bank.central_keys.step,
            idle_s=CENTRAL_KEYS_IDLE_S,
            on_fatal_error=fatal_error,
        ),
        Worker("acts", bank.acts.step, idle_s=60.0, on_fatal_error=fatal_error),
        revoker,
    ]
    for worker in workers:
        worker.start()
    return workers


def _serve(
    bank: OperatorBank,
    settings: Settings,
    own: OwnCertificate,
    edge: str,
    may_answer: Callable[[], None],
) -> list[Server]:
    """Starts two servers: for the edge at its address, and on the inner port."""
    registry = CollectorRegistry()
    metrics = CallMetrics(registry)
    public = Server(
        [*public_services(bank), edge_service(bank, metrics)],
        credentials=grpc.local_server_credentials(grpc.LocalConnectionType.UDS),
        address=edge,
        registry=registry,
        metrics=metrics,
        # The edge is the only caller here; it divides the places among its own callers.
        calls_each=MAX_CONCURRENT_CALLS,
        max_workers=EDGE_WORKERS,
        workers_each=EDGE_WORKERS,
        streams_each=MAX_STREAMS,
        authorize=public_authorizer(bank.standing),
        may_answer=may_answer,
        options=MESSAGE_OPTIONS,
    )
    inner = Server(
        inner_services(bank),
        credentials=server_credentials(own, require_client=True),
        address=settings.inner_address,
        registry=registry,
        metrics=metrics,
        authorize=inner_authorizer(bank.officers, bank.central_keys.revoked_certificates),
        may_answer=may_answer,
    )
    watch_days_left(own.days_left, registry)
    watch_serving(may_answer, registry)
    _watch_probing(bank, registry)
    watch_feed(bank.follower, registry)
    watch_contradictions(bank.contradictions, registry)
    serve_metrics(registry, settings.metrics_port)
    inner.start()
    public.start()
    return [public, inner]


def _watch_probing(bank: OperatorBank, registry: CollectorRegistry) -> None:
    """Shows in the metrics how many payments failed for their payees, and how many wallets must
    wait.
    """
    counter = Counter(
        "dcep_payees_refused_total",
        "Payments of this bank's wallets that failed for their payees",
        registry=registry,
    )
    bank.refusals.on_refused = counter.inc
    gauge = Gauge(
        "dcep_probing_wallets", "Wallets that have to wait for that, at most 100", registry=registry
    )
    gauge.set_function(lambda: len(bank.probing()))


def edge_service(bank: OperatorBank, metrics: CallMetrics) -> Service:
    """The service that only the edge may call."""
    add = edge_pb2_grpc.add_EdgeServiceServicer_to_server
    return _service("EdgeService", add, GrpcEdge(bank, metrics))


def public_services(bank: OperatorBank) -> list[Service]:
    """The services of the public port; the edge forwards them, or asks for them in its own way."""
    return [
        _service(
            "WalletService", wallets_pb2_grpc.add_WalletServiceServicer_to_server, GrpcWallets(bank)
        ),
        _service(
            "SubWalletService",
            sub_wallets_pb2_grpc.add_SubWalletServiceServicer_to_server,
            GrpcSubWallets(bank),
        ),
        _service("KeyService", keys_pb2_grpc.add_KeyServiceServicer_to_server, GrpcKeys(bank)),
        _service(
            "SignerService",
            signers_pb2_grpc.add_SignerServiceServicer_to_server,
            GrpcSigners(bank),
        ),
        _service(
            "ExchangeService",
            exchange_pb2_grpc.add_ExchangeServiceServicer_to_server,
            GrpcExchange(bank),
        ),
        _service(
            "PaymentService",
            payments_pb2_grpc.add_PaymentServiceServicer_to_server,
            GrpcPayments(bank),
        ),
        _service(
            "AskingService", asking_pb2_grpc.add_AskingServiceServicer_to_server, GrpcAsking(bank)
        ),
        _service(
            "AliasService", aliases_pb2_grpc.add_AliasServiceServicer_to_server, GrpcAliases(bank)
        ),
        _service(
            "OfflineService",
            offline_pb2_grpc.add_OfflineServiceServicer_to_server,
            GrpcOffline(bank),
        ),
    ]


def inner_services(bank: OperatorBank) -> list[Service]:
    """The services of the inner port."""
    return [
        _service(
            "InboundService",
            inbound_pb2_grpc.add_InboundServiceServicer_to_server,
            GrpcInbound(bank),
        ),
        _service(
            "OfficeService", officers_pb2_grpc.add_OfficeServiceServicer_to_server, GrpcOffice(bank)
        ),
        act_service(bank.acts, bank.officers),
    ]


def _service(name: str, add: Callable[[T, grpc.Server], None], servicer: T) -> Service:
    return Service(f"dcep.bank.v1.{name}", lambda server: add(servicer, server))


if __name__ == "__main__":
    leave(main())
