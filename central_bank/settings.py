"""Settings of the central bank's service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from central_bank.limits import ALIAS_LOOKUPS_PER_DAY
from runtime.settings import PathOrUri


@dataclass(frozen=True)
class Settings:
    """One field a setting; see `runtime.settings` for file and environment.

    A key is a path or a PKCS#11 URI; see `runtime.signing_keys`.
    """

    database_url: PathOrUri
    """`postgresql+psycopg://…`, or `sqlite:///file.db` for trying out."""
    listen_address: str
    """HOST:PORT for banks and officers."""
    tls_certificate: Path
    """PEM file: the certificate that says `dcep://central-bank`."""
    tls_key: Path
    """PEM file: the key of that certificate."""
    tls_ca: Path
    """PEM file: the root that certifies banks and officers."""
    offline_root_key: PathOrUri
    """Signs tokens and trust bundles: a path or a PKCS#11 URI."""
    business_key: PathOrUri
    """Signs what the service says to banks: a path or a PKCS#11 URI."""
    officers_file: PathOrUri = ""
    """The first officers; read while the database has none."""
    refunds_confirmed_until_ms: int = 0
    """Unix milliseconds. After the clock jumped far ahead, or the service was away for days, no
    expired offline money is refunded until an operator confirms here that times up to this one are
    right."""
    alias_lookups_per_day: int = ALIAS_LOOKUPS_PER_DAY
    """How many aliases one bank may look for a day."""
    keys_in_files: bool = False
    """True allows signing keys in files; otherwise each has to be a PKCS#11 URI."""
    metrics_port: int = 0
    """Prometheus metrics at this port of 127.0.0.1; 0 for none."""
    standby: str = "none"
    """`required`: serves nobody while the database's server waits for no standby; `warn`: says so;
    `none`: does not look."""
    log_file: PathOrUri = ""
    """The log, kept to a bounded size; empty for standard error."""
