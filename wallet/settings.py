"""Settings of the wallet service."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.settings import PathOrUri


@dataclass(frozen=True)
class Settings:
    """From a TOML file and the environment (``DCEP_<NAME>``); the command line goes first.

    Attributes:
        home: the wallet's folder.
        listen_address: HOST:PORT of the service.
        database_url: where the order book is; "" for SQLite in the home.
        stack: folder with ``banks.json``, which says how banks are reached.
        metrics_port: of Prometheus metrics on loopback; 0 for none.
        log_file: kept within bounds; "" for the standard error output.
        tls_certificate, tls_key: PEM files; "" for the ones that the wallet makes in its home.
    """

    home: PathOrUri = ""
    listen_address: str = "127.0.0.1:0"
    database_url: PathOrUri = ""
    stack: PathOrUri = ""
    metrics_port: int = 0
    log_file: PathOrUri = ""
    tls_certificate: PathOrUri = ""
    tls_key: PathOrUri = ""
