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
    """The name under which the central bank admits the bank."""
    prefix: str
    """The first four digits of its wallets' numbers."""
    database_url: PathOrUri
    """`postgresql+psycopg://…`, or `sqlite:///file.db` for trying out."""
    public_address: str
    """HOST:PORT for wallets; open to everybody."""
    inner_address: str
    """HOST:PORT for the central bank and the bank's own officers."""
    central_bank_address: str
    """HOST:PORT of the central bank; several, separated by commas, where its service may move."""
    tls_certificate: Path
    """PEM file: the certificate that says `dcep://bank/NAME`."""
    tls_key: Path
    """PEM file: the key of that certificate."""
    tls_ca: Path
    """PEM file: the root that certifies the central bank and officers."""
    business_key: PathOrUri
    """Signs what the bank says to the central bank: a path or a PKCS#11 URI."""
    central_bank_keys: Path
    """File with the central bank's keys whose signatures on the feed are trusted at first."""
    alias_key: Path
    """File with the key that all banks share, and the central bank does not have: 64 hexadecimal
    digits. By it aliases are looked up across banks."""
    customers_key: Path
    """File with the keys that seal what is known of customers; each line has a number and 64
    hexadecimal digits, and the highest number seals."""
    offline_roots: str
    """Public keys of the roots of offline money: hexadecimal, separated by commas."""
    identity_checks: str = "none"
    """Who confirms what holders show: `none`: nobody, no wallet is opened; for a sandbox only, with
    `keys_in_files`: `sandbox-at-once` takes all as shown, `sandbox` behaves like a real one."""
    identity_outbox: PathOrUri = ""
    """With `sandbox`: the file that codes to telephones go to."""
    officers_file: PathOrUri = ""
    """The founding record: first officers and cash machines; read while the database has none."""
    keys_in_files: bool = False
    """True allows signing keys in files; otherwise each has to be a PKCS#11 URI."""
    metrics_port: int = 0
    """Prometheus metrics at this port of 127.0.0.1; 0 for none."""
    standby: str = "none"
    """`required`: serves nobody while the database's server waits for no standby; `warn`: says so;
    `none`: does not look."""
    log_file: PathOrUri = ""
    """The log, kept to a bounded size, with the edge's beside it; empty for standard error."""
    opening_deposit_fen: int = 0
    """Put on the deposit account of every wallet opened with a name; for trying out."""
    till_float_fen: int = 0
    """Cash in the tills of a new bank."""
    key_wait_s: int = 21_600
    """How long at least a wallet's key can object after officers have approved another one in its
    place; an hour and more, unless `keys_in_files`."""
    calls_per_source: int = 64
    """Calls at once on the public port from one address; an IPv6 source is a /64."""
    watches_per_source: int = 256
    """Streams of arriving payments to one address."""
    connections_per_source: int = 512
    """Open connections of one address to the public port."""
    openings_per_minute: int = 60
    """Wallets that one address may open in a minute."""
