"""Settings of the central bank's service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.settings import PathOrUri


@dataclass(frozen=True)
class Settings:
    """One field a setting; see `runtime.settings` for file and environment.

    A key is a path or a PKCS#11 URI; see `runtime.signing_keys`.
    """

    database_url: PathOrUri
    listen_address: str
    tls_certificate: Path
    tls_key: Path
    tls_ca: Path
    offline_root_key: PathOrUri
    business_key: PathOrUri
    officers_file: PathOrUri = ""
    """The founding record of officers; read while there are none."""
    refunds_confirmed_until_ms: int = 0
    """Unix milliseconds: after the clock was far ahead, or the service away for days, an operator
    says that times up to this one are right; until then no expired offline money goes back."""
    keys_in_files: bool = False
    metrics_port: int = 0
    log_file: PathOrUri = ""
    """Kept within bounds; without one the log is the standard error output."""
