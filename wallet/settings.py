"""Settings of the wallet service."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.settings import PathOrUri


@dataclass(frozen=True)
class Settings:
    """From a TOML file and the environment (``DCEP_<NAME>``); the command line goes first."""

    home: PathOrUri = ""
    """The wallet's folder."""
    listen_address: str = "127.0.0.1:0"
    """HOST:PORT of the wallet's service; port 0 takes a free one."""
    database_url: PathOrUri = ""
    """Database of the order book; empty for SQLite in the home."""
    stack: PathOrUri = ""
    """Folder with `banks.json`, which says where banks are."""
    metrics_port: int = 0
    """Prometheus metrics at this port of 127.0.0.1; 0 for none."""
    log_file: PathOrUri = ""
    """The log, kept to a bounded size; empty for standard error."""
    tls_certificate: PathOrUri = ""
    """PEM file; empty for one that the wallet makes in its home."""
    tls_key: PathOrUri = ""
    """PEM file; empty for one that the wallet makes in its home."""
