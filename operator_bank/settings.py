"""Settings of a bank's service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.settings import PathOrUri


@dataclass(frozen=True)
class Settings:
    """One field a setting; see `runtime.settings` for file and environment.

    A key is a path or a PKCS#11 URI; see `runtime.signing_keys`.
    """

    bank: str
    prefix: str
    database_url: PathOrUri
    public_address: str
    inner_address: str
    central_bank_address: str
    tls_certificate: Path
    tls_key: Path
    tls_ca: Path
    business_key: PathOrUri
    central_bank_keys: Path
    offline_roots: str
    """Public keys of the root of offline money: hexadecimal, separated by commas."""
    policy_file: Path
    """Limits of wallet classes; founds a new bank, and is nothing after that."""
    officers_file: PathOrUri = ""
    """The founding record of officers; read while there are none."""
    keys_in_files: bool = False
    metrics_port: int = 0
    log_file: PathOrUri = ""
    """Kept within bounds, with the edge's beside it; else the log is the standard error output."""
    cash_machines: str = ""
    opening_deposit_fen: int = 0
    till_float_fen: int = 0
    calls_per_source: int = 64
    """Calls at once on the public port from one address; an IPv6 source is a /64."""
    watches_per_source: int = 256
    """Streams of arrivals from one address."""
    connections_per_source: int = 512
    """Open connections of one address to the public port."""
    openings_per_minute: int = 60
    """Wallets that one address may open."""
