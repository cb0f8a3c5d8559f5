"""Runs the central bank's process: ``python -m central_bank --settings FILE``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter

from central_bank.api.aliases import GrpcAliasDirectory
from central_bank.api.authentication import GrpcAnalysis, GrpcAuthentication
from central_bank.api.issuance import GrpcIssuance
from central_bank.api.registration import GrpcRegistration
from central_bank.app import CentralBank, build
from central_bank.authentication.authorization import central_authorizer
from central_bank.authentication.key_metrics import (
    watch_bank_keys,
    watch_followers,
    watch_offline_roots,
)
from central_bank.limits import ALIASES_FOUND_EACH
from central_bank.peers.bank_client import GrpcBankPeers
from central_bank.settings import Settings
from dcep.analysis.v1 import analysis_pb2_grpc
from dcep.authentication.v1 import authentication_pb2_grpc
from dcep.issuance.v1 import issuance_pb2_grpc
from dcep.registration.v1 import aliases_pb2_grpc, registration_pb2_grpc
from officers.build import Founding
from officers.founding_file import read_founding_file
from officers.grpc_acts import act_service
from runtime.begin import leave
from runtime.clock import SystemClock
from runtime.database import OtherSchema
from runtime.limits import STREAMS_EACH
from runtime.logs import configure_logs, logger, say
from runtime.memory import collect_rarely
from runtime.metrics import CallMetrics, serve_metrics, watch_days_left, watch_serving
from runtime.one_writer import DatabaseAway, DatabaseTaken
from runtime.own_certificate import OwnCertificate
from runtime.renewing_key import RenewingKey
from runtime.server import Server, Service
from runtime.service_process import ServiceProcess
from runtime.settings import SettingsError, load_settings
from runtime.signatures import SignatureVerifier
from runtime.tls import TlsFiles, server_credentials
from runtime.worker import Worker

SERVICE = "central_bank"


def main() -> int:
    """Runs until SIGTERM.

    Returns:
        The exit status: 0 after SIGTERM, 1 after a fatal error, 2 if it cannot start as it is set
            up.
    """
    parser = argparse.ArgumentParser(prog="python -m central_bank", description=__doc__)
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
        configure_logs(SERVICE, settings.log_file)
        if arguments.migrate_only:
            return migrate(settings, take_over=arguments.take_over)
        return run(settings, migrate=arguments.migrate, take_over=arguments.take_over)
    except (SettingsError, OtherSchema, DatabaseTaken) as error:
        say(f"central_bank: {error}")
        return 2
    except DatabaseAway as error:
        say(f"central_bank: {error}")
        return 1


def migrate(settings: Settings, *, take_over: bool) -> int:
    """Brings the database up to date, once nobody else writes it, and serves nobody."""
    return ServiceProcess(SERVICE, settings.database_url, migrate=True, take_over=take_over).end()


def run(settings: Settings, *, migrate: bool, take_over: bool) -> int:
    """Builds the central bank, serves until it is told to stop, and takes everything down again."""
    process = ServiceProcess(
        SERVICE,
        settings.database_url,
        migrate=migrate,
        take_over=take_over,
        standby=settings.standby,
    )
    files = TlsFiles(settings.tls_certificate, settings.tls_key, settings.tls_ca)
    own = OwnCertificate(files)
    verifier = SignatureVerifier(os.cpu_count() or 1)
    key = RenewingKey(settings.business_key, in_files=settings.keys_in_files)
    bank = build(
        process.engine,
        root=RenewingKey(settings.offline_root_key, in_files=settings.keys_in_files),
        alias_lookups_per_day=settings.alias_lookups_per_day,
        refunds_confirmed_until_ms=settings.refunds_confirmed_until_ms,
        business_key=key,
        founding=Founding(read_founding_file(settings.officers_file), bytes(key.verify_key)),
        bank_peers=GrpcBankPeers(files, own),
        clock=SystemClock(),
        threaded=True,
        verifier=verifier,
        shown=lambda: own.latest().fingerprint,
        on_stopped=process.fatal_error,
    )
    bank.books.projection.on_gone = process.say_gone
    bank.standing.ask()
    process.watch()
    workers = _start_workers(bank, process.fatal_error)
    server = _serve(bank, settings, own, process.may_answer)
    if settings.keys_in_files:
        logger(SERVICE).warning("keys may lie in files here: for a sandbox only")
    logger(SERVICE).info("serving", address=settings.listen_address)
    collect_rarely()
    process.wait()
    server.stop()
    for worker in workers:
        worker.stop()
    bank.books.stop()
    verifier.close()
    return process.end()


def _start_workers(bank: CentralBank, fatal_error: Callable[[BaseException], None]) -> list[Worker]:
    settlement, redemption_reserves = bank.settlement, bank.redemption_reserves
    current = bank.standing.when_current
    settle_late = current(settlement.settle_late)
    late = Worker("late-answers", settle_late, idle_s=60.0, on_fatal_error=fatal_error)
    settlement.on_late = late.wake
    asker = Worker(
        "redemption-reserves",
        current(redemption_reserves.step),
        idle_s=1.0,
        on_fatal_error=fatal_error,
    )
    redemption_reserves.on_told = asker.wake
    workers = [
        Worker("refunds", current(bank.refunds.step), idle_s=60.0, on_fatal_error=fatal_error),
        Worker("pruning", current(bank.pruning.step), idle_s=1.0, on_fatal_error=fatal_error),
        late,
        asker,
        Worker("acts", current(bank.acts.step), idle_s=60.0, on_fatal_error=fatal_error),
        Worker("projection", bank.project, idle_s=0.1, on_fatal_error=fatal_error),
    ]
    for worker in workers:
        worker.start()
    return workers


def _serve(
    bank: CentralBank, settings: Settings, own: OwnCertificate, may_answer: Callable[[], None]
) -> Server:
    """Starts the server, and what it shows of itself in the metrics."""

    def may_serve() -> None:
        may_answer()
        bank.standing.check()

    registry = CollectorRegistry()
    server = Server(
        services(bank),
        credentials=server_credentials(own, require_client=True),
        address=settings.listen_address,
        registry=registry,
        metrics=CallMetrics(registry),
        authorize=central_authorizer(bank.registry, bank.officers, bank.standing),
        may_answer=may_answer,
        # Questions for aliases wait as a stream does.
        streams_each=STREAMS_EACH + ALIASES_FOUND_EACH,
    )
    watch_days_left(own.days_left, registry)
    watch_serving(may_serve, registry)
    watch_bank_keys(bank.registry, SystemClock(), registry)
    watch_offline_roots(bank.offline_roots, SystemClock(), registry)
    watch_followers(
        bank.registry, lambda: bank.central_keys.number, bank.feed_look.announced, registry
    )
    _count_refused_payees(bank, registry)
    _count_alias_changes(bank, registry)
    serve_metrics(registry, settings.metrics_port)
    server.start()
    return server


def _count_refused_payees(bank: CentralBank, registry: CollectorRegistry) -> None:
    """Counts them by the bank that asked, so that a bank that tries numbers out is noticed."""
    counter = Counter(
        "dcep_payees_refused_total",
        "Payments to other banks whose payee could not be paid",
        ["bank"],
        registry=registry,
    )
    bank.settlement.on_payees_refused = lambda name, count: counter.labels(name).inc(count)


def _count_alias_changes(bank: CentralBank, registry: CollectorRegistry) -> None:
    """Counts them by bank, so that one that claims what others keep, or ever more, is noticed."""
    counter = Counter(
        "dcep_alias_changes_total",
        "What banks have registered, claimed, kept and given up in the directory of aliases",
        ["bank", "action"],
        registry=registry,
    )
    bank.alias_changes.on_changed = lambda name, action: counter.labels(name, action).inc()


def services(bank: CentralBank) -> list[Service]:
    """The services of the one port."""
    ledger = bank.books.ledger
    issuance = GrpcIssuance(bank.requests, bank.registry, ledger)
    authentication = GrpcAuthentication(
        bank.registry,
        bank.devices,
        bank.evidence,
        bank.central_keys,
        bank.offline_roots,
        bank.feed_look,
    )
    registration = GrpcRegistration(
        bank.registry,
        bank.settlement,
        bank.loads,
        bank.deposits,
        bank.feed,
        bank.carrying,
        ledger,
        bank.standing,
    )
    analysis = GrpcAnalysis(bank.flows)
    aliases = GrpcAliasDirectory(
        bank.registry, bank.alias_changes, bank.alias_finding, bank.standing
    )
    return [
        act_service(bank.acts, bank.officers),
        Service(
            "dcep.issuance.v1.IssuanceService",
            lambda s: issuance_pb2_grpc.add_IssuanceServiceServicer_to_server(issuance, s),
        ),
        Service(
            "dcep.authentication.v1.AuthenticationService",
            lambda s: authentication_pb2_grpc.add_AuthenticationServiceServicer_to_server(
                authentication, s
            ),
        ),
        Service(
            "dcep.registration.v1.RegistrationService",
            lambda s: registration_pb2_grpc.add_RegistrationServiceServicer_to_server(
                registration, s
            ),
        ),
        Service(
            "dcep.registration.v1.AliasDirectoryService",
            lambda s: aliases_pb2_grpc.add_AliasDirectoryServiceServicer_to_server(aliases, s),
        ),
        Service(
            "dcep.analysis.v1.AnalysisService",
            lambda s: analysis_pb2_grpc.add_AnalysisServiceServicer_to_server(analysis, s),
        ),
    ]


if __name__ == "__main__":
    leave(main())
