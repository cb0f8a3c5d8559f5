"""Runs the wallet's own service: ``python -m wallet --home DIR --listen HOST:PORT``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer
from prometheus_client import CollectorRegistry

from dcep.wallet.v1 import wallet_pb2_grpc
from runtime.begin import leave
from runtime.logs import configure_logs, logger
from runtime.metrics import CallMetrics, serve_metrics
from runtime.server import Server, Service, wait_for_signal
from runtime.settings import SettingsError, folder_named, load_settings
from runtime.tls import TlsFiles, server_credentials
from wallet.api.wallet import GrpcWallet
from wallet.app import App
from wallet.cli.options import home_folder, stack_folder
from wallet.home.certificate import home_certificate
from wallet.home.home import HomeError
from wallet.settings import Settings

SERVICE = "wallet"


def main() -> int:
    """Runs until SIGTERM. Returns the exit status: 0, or 2 for invalid settings."""
    parser = argparse.ArgumentParser(prog="python -m wallet", description=__doc__)
    parser.add_argument("--settings", type=Path, help="TOML file; DCEP_… variables override it")
    parser.add_argument("--home", help="the wallet's folder")
    parser.add_argument("--listen", help="HOST:PORT to serve at")
    parser.add_argument("--stack", help="the stack's folder, for its banks.json")
    parser.add_argument(
        "--migrate", action="store_true", help="taken for likeness; a wallet always migrates"
    )
    arguments = parser.parse_args()
    try:
        settings = load_settings(Settings, arguments.settings)
        configure_logs(SERVICE, settings.log_file)
        given = {
            "home": _folder(arguments.home),
            "listen_address": arguments.listen,
            "stack": _folder(arguments.stack),
        }
        return run(replace(settings, **{name: to for name, to in given.items() if to}))
    except (SettingsError, HomeError, typer.BadParameter) as error:
        print(f"wallet: {error}", file=sys.stderr)
        return 2


def _folder(given: str | None) -> str:
    return str(folder_named(given)) if given is not None else ""


def run(settings: Settings) -> int:
    """Builds everything, serves, and takes it down again."""
    stop = wait_for_signal()
    folder = home_folder(folder_named(settings.home) if settings.home else None)
    app = App(folder, database_url=settings.database_url)
    app.home.make()
    registry = CollectorRegistry()
    server = Server(
        [service(app, stack_folder(folder_named(settings.stack) if settings.stack else None))],
        credentials=server_credentials(_tls(settings, folder), require_client=True),
        address=settings.listen_address,
        registry=registry,
        metrics=CallMetrics(registry),
    )
    _warm_up(app)
    serve_metrics(registry, settings.metrics_port)
    server.start()
    logger(SERVICE).info("serving", address=settings.listen_address, port=server.port)
    stop.wait()
    server.stop()
    app.close()
    logger(SERVICE).info("stopped")
    return 0


def service(app: App, stack: Path) -> Service:
    """The one service of the port."""
    wallet = GrpcWallet(app, stack)
    register: Any = wallet_pb2_grpc.add_WalletServiceServicer_to_server
    return Service("dcep.wallet.v1.WalletService", lambda server: register(wallet, server))


def _tls(settings: Settings, folder: Path) -> TlsFiles:
    if settings.tls_certificate:
        certificate = Path(settings.tls_certificate)
        return TlsFiles(certificate, Path(settings.tls_key), certificate)
    return home_certificate(folder)


def _warm_up(app: App) -> None:
    """Makes the shared parts now, before several threads could make them at once."""
    _ = (app.clock, app.randomness, app.banks, app.book, app.flights)


if __name__ == "__main__":
    leave(main())
