"""Sets up trust in a stack: the root, and every party's certificates, keys and settings.

On several machines the parties would make these for themselves. The folders are laid out so that
each could be moved to a machine of its own.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from nacl.signing import SigningKey

from currency import parties
from dcep.office.v1 import office_pb2
from deployment.topology import CASH_MACHINE, CENTRAL_BANK, BankPlan, StackPlan
from officers.founding_file import founding_text
from officers.signing import founding_record
from runtime import certificates
from runtime.certificates import Authority
from runtime.clock import SystemClock
from runtime.envelope import possession
from runtime.private import make_private, write_private

OFFLINE_ROOT = "offline_root.key"
ROOTS_BEFORE = "offline_roots.before"
"""File with the public keys of offline roots that were replaced, one in each line."""
CENTRAL_KEYS = "central_bank.keys"
CUSTOMERS_KEY = "customers.key"
ALIAS_KEY = "aliases.key"
CENTRAL_RIGHTS = (
    office_pb2.RIGHT_OFFICERS,
    office_pb2.RIGHT_RESERVES,
    office_pb2.RIGHT_ISSUANCE,
    office_pb2.RIGHT_BANKS,
    office_pb2.RIGHT_DEVICES,
    office_pb2.RIGHT_POLICY,
)
BANK_RIGHTS = (
    office_pb2.RIGHT_OFFICERS,
    office_pb2.RIGHT_WALLETS,
    office_pb2.RIGHT_SUSPENSE,
    office_pb2.RIGHT_CASH,
    office_pb2.RIGHT_CUSTOMERS,
)
OPENING_DEPOSIT_FEN = 1_000_000
TILL_FLOAT_FEN = 100_000_000
KEY_WAIT_S = 10
"""How long the key of a wallet in a sandbox can object to another one."""

ONE_SOURCE = {
    "calls_per_source": 256,
    "watches_per_source": 20_000,
    "connections_per_source": 10_000,
    "openings_per_minute": 1_000_000,
}
"""Settings of a bank in a sandbox, where all callers are on this machine, which is one source."""


def make_trust(plan: StackPlan) -> None:
    """Makes certificates, keys and settings for every party of a new stack."""
    make_private(plan.root_folder)
    authority = Authority.create("DCEP sandbox root")
    _write(plan.root_certificate, authority.certificate_pem)
    write_private(plan.root_folder / "ca.key", authority.key_pem)
    _central_bank(plan, authority)
    for bank in plan.banks:
        _bank(plan, bank, authority)
    make_private(plan.officers_folder)
    _officers(plan, authority, CENTRAL_BANK, plan.central_folder, CENTRAL_RIGHTS)
    for bank in plan.banks:
        _bank_officers(plan, authority, bank)
    _write(plan.officers_folder / "ca.crt", authority.certificate_pem)
    write_directory(plan)


def make_bank(plan: StackPlan, bank: BankPlan) -> None:
    """Makes certificates, keys and settings for a further bank, which is in the plan already."""
    root = plan.root_folder
    authority = Authority.of_pem(plan.root_certificate.read_bytes(), (root / "ca.key").read_bytes())
    _bank(plan, bank, authority)
    _bank_officers(plan, authority, bank)


def known_roots(plan: StackPlan) -> list[bytes]:
    """Public keys of the offline root, 32 bytes each: the one in use first, then those before
    it.
    """
    before = plan.central_folder / ROOTS_BEFORE
    lines = before.read_text(encoding="ascii").split() if before.exists() else []
    return [public_key(plan.central_folder / OFFLINE_ROOT), *map(bytes.fromhex, reversed(lines))]


def write_directory(plan: StackPlan) -> None:
    """Writes `banks.json`, which tells wallets how to reach the banks."""
    _write(plan.folder / "banks.json", json.dumps(directory(plan), indent=2).encode() + b"\n")


def directory(plan: StackPlan) -> dict[str, dict[str, str]]:
    """What a wallet needs to know to reach each bank, by the bank's name."""
    return {
        bank.name: {
            "address": bank.public_address,
            "prefix": bank.prefix,
            "ca": str(plan.root_certificate.relative_to(plan.folder)),
            "offline_root": public_key(plan.central_folder / OFFLINE_ROOT).hex(),
        }
        for bank in plan.banks
    }


def _central_bank(plan: StackPlan, authority: Authority) -> None:
    folder = plan.central_folder
    make_private(folder)
    _identity(authority, folder, "tls", parties.CENTRAL_BANK)
    _write(folder / "ca.crt", authority.certificate_pem)
    write_private(folder / "business.key", bytes(SigningKey.generate()))
    write_private(folder / OFFLINE_ROOT, bytes(SigningKey.generate()))
    _settings(
        folder,
        {
            "database_url": plan.central_database,
            "listen_address": plan.central_address,
            "metrics_port": plan.central_metrics_port,
            "tls_certificate": "tls.crt",
            "tls_key": "tls.key",
            "tls_ca": "ca.crt",
            "offline_root_key": OFFLINE_ROOT,
            "business_key": "business.key",
            "officers_file": "officers.json",
            "keys_in_files": True,
        },
    )


def _bank(plan: StackPlan, bank: BankPlan, authority: Authority) -> None:
    folder = plan.bank_folder(bank.name)
    make_private(folder)
    _identity(authority, folder, "tls", parties.bank(bank.name))
    _write(folder / "ca.crt", authority.certificate_pem)
    write_private(folder / "business.key", bytes(SigningKey.generate()))
    write_private(folder / CUSTOMERS_KEY, _customers_key())
    write_private(folder / ALIAS_KEY, _alias_key(plan))
    machine = SigningKey.generate()
    make_private(plan.cash_machine_key(bank.name).parent.parent)
    make_private(plan.cash_machine_key(bank.name).parent)
    write_private(plan.cash_machine_key(bank.name), bytes(machine))
    write_private(folder / CENTRAL_KEYS, _central_keys(plan).encode())
    _settings(
        folder,
        {
            "bank": bank.name,
            "prefix": bank.prefix,
            "database_url": bank.database,
            "public_address": bank.public_address,
            "inner_address": bank.inner_address,
            "metrics_port": bank.metrics_port,
            "tls_certificate": "tls.crt",
            "tls_key": "tls.key",
            "tls_ca": "ca.crt",
            "business_key": "business.key",
            "keys_in_files": True,
            "central_bank_address": plan.central_address,
            "central_bank_keys": CENTRAL_KEYS,
            "alias_key": ALIAS_KEY,
            "customers_key": CUSTOMERS_KEY,
            "identity_checks": "sandbox-at-once",
            "identity_outbox": "outbox.jsonl",
            "offline_roots": public_key(plan.central_folder / OFFLINE_ROOT).hex(),
            "officers_file": "officers.json",
            "opening_deposit_fen": OPENING_DEPOSIT_FEN,
            "till_float_fen": TILL_FLOAT_FEN,
            "key_wait_s": KEY_WAIT_S,
            **ONE_SOURCE,
        },
    )


def _central_keys(plan: StackPlan) -> str:
    """The central bank's key in use, and what other banks list: keys before it, whose announcements
    still hold, such as the limits of wallets, but none that was stolen.
    """
    lines = [f"{business_public_key(plan.central_folder).hex()}  # the central bank's business key"]
    for other in plan.banks:
        file = plan.bank_folder(other.name) / CENTRAL_KEYS
        if file.exists():
            lines += file.read_text(encoding="ascii").splitlines()
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _customers_key() -> bytes:
    """The file with the key that seals what a bank knows of its customers."""
    return b"1 %b\n" % secrets.token_hex(32).encode()


def _alias_key(plan: StackPlan) -> bytes:
    """The file with the key of aliases: the one that other banks have, or the first of all."""
    for other in plan.banks:
        file = plan.bank_folder(other.name) / ALIAS_KEY
        if file.exists():
            return file.read_bytes()
    return secrets.token_hex(32).encode() + b"\n"


def _bank_officers(plan: StackPlan, authority: Authority, bank: BankPlan) -> None:
    machine = office_pb2.RegisterCashMachine(
        name=CASH_MACHINE, public_key=public_key(plan.cash_machine_key(bank.name))
    )
    folder = plan.bank_folder(bank.name)
    _officers(plan, authority, bank.name, folder, BANK_RIGHTS, [machine])


def _officers(
    plan: StackPlan,
    authority: Authority,
    institution: str,
    folder: Path,
    rights: Sequence[office_pb2.Right],
    cash_machines: Sequence[office_pb2.RegisterCashMachine] = (),
) -> None:
    """Makes officers' certificates and keys, which stay with the officers, and the founding
    record.
    """
    registrations = []
    for name in plan.officers(institution):
        _identity(authority, plan.officers_folder, name, parties.officer(institution, name))
        key = SigningKey.generate()
        write_private(officer_key_file(plan, name), bytes(key))
        registrations.append(
            office_pb2.RegisterOfficer(
                name=name,
                certificate_fingerprint=fingerprint(plan.officers_folder / f"{name}.crt"),
                signing_key=bytes(key.verify_key),
                rights=rights,
            )
        )
    business_key = SigningKey((folder / "business.key").read_bytes())
    now_ms = SystemClock().now_ms()
    record = founding_record(
        institution, registrations, business_key, now_ms, cash_machines=cash_machines
    )
    _write(folder / "officers.json", founding_text(record).encode())


def officer_key_file(plan: StackPlan, name: str) -> Path:
    """The file of the key with which an officer signs acts."""
    return plan.officers_folder / f"{name}.signing.key"


def business_key(folder: Path) -> SigningKey:
    """The business key in a party's folder."""
    return SigningKey((folder / "business.key").read_bytes())


def business_public_key(folder: Path) -> bytes:
    """The public half of the business key in a party's folder, 32 bytes."""
    return public_key(folder / "business.key")


def public_key(file: Path) -> bytes:
    """The public half of a key in a file, 32 bytes."""
    return bytes(SigningKey(file.read_bytes()).verify_key)


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a certificate file, hex, as the central bank registers it."""
    return certificates.fingerprint(certificate.read_bytes())


def _identity(authority: Authority, folder: Path, stem: str, role: str) -> None:
    issued = authority.issue(role)
    _write(folder / f"{stem}.crt", issued.certificate_pem)
    write_private(folder / f"{stem}.key", issued.key_pem)


def _settings(folder: Path, values: Mapping[str, str | int | bool]) -> None:
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    write_private(folder / "settings.toml", ("\n".join(lines) + "\n").encode())


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def introduction(plan: StackPlan, name: str) -> office_pb2.AdmitBank:
    """The act by which officers admit a bank of the stack."""
    bank, folder = plan.bank(name), plan.bank_folder(name)
    return office_pb2.AdmitBank(
        name=bank.name,
        prefix=bank.prefix,
        certificate_fingerprint=fingerprint(folder / "tls.crt"),
        business_key=business_public_key(folder),
        inner_address=bank.inner_address,
        proof=possession(business_key(folder), bank.name),
    )
