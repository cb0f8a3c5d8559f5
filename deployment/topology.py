"""Describes a stack: its folders, its services and where they listen.

Everything here is plain data, which is written to ``stack.json`` and read from it. Nothing is
started and nothing is connected.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from currency import parties
from dcep.bounds.v1 import bounds_pb2
from deployment.ports import free_ports
from deployment.processes import ServiceCommand
from language import _
from runtime.own_modules import own
from runtime.private import PRIVATE_FILE, write_private
from runtime.settings import SettingsError, check_database, located

HOST = "127.0.0.1"
DEFAULT_FOLDER = "stack"
CENTRAL_BANK = "central-bank"
CASH_MACHINE = "machine-1"
"""The first machine of each bank."""
FIRST_PREFIX = 6201
CENTRAL_OFFICERS = ("lin", "mei", "han")
_BANK_NAME = re.compile(
    bounds_pb2.Kind.DESCRIPTOR.values_by_name["KIND_BANK_NAME"]
    .GetOptions()
    .Extensions[bounds_pb2.of_kind]
    .pattern
)


class BanksMisnamed(ValueError):
    """A stack cannot have banks with these names; nothing was made."""


class StackMissing(Exception):
    """There is no stack in the folder, or its description cannot be read.

    Attributes:
        reason: its name for programs.
    """

    reason = "NO_STACK"


class BankMissing(StackMissing):
    """The stack has no such bank; the message lists those it has."""

    reason = "BANK_UNKNOWN"


class MachineMissing(StackMissing):
    """There is no such cash machine."""

    reason = "MACHINE_UNKNOWN"


class OfficerMissing(StackMissing):
    """The stack has no such officer; the message lists those it has."""

    reason = "OFFICER_UNKNOWN"


@dataclass(frozen=True)
class BankPlan:
    """One operating bank: its name, its wallets' prefix and its addresses."""

    name: str
    prefix: str
    public_address: str
    inner_address: str
    metrics_port: int
    officers: tuple[str, ...]
    database: str
    """Its database's URL; an SQLite file is relative to the bank's folder."""

    @property
    def officer(self) -> str:
        """Its first officer."""
        return self.officers[0]


@dataclass(frozen=True)
class StackPlan:
    """A whole stack in one folder."""

    folder: Path
    central_address: str
    central_metrics_port: int
    central_database: str
    banks: tuple[BankPlan, ...]
    central_officers: tuple[str, ...] = CENTRAL_OFFICERS
    pids: dict[str, int] = field(default_factory=dict)

    @property
    def root_folder(self) -> Path:
        """The central bank's root, with its key."""
        return self.folder / "root"

    @property
    def root_certificate(self) -> Path:
        """The root's certificate, which everybody trusts."""
        return self.root_folder / "ca.crt"

    @property
    def central_folder(self) -> Path:
        """Settings, keys and database of the central bank."""
        return self.folder / "central_bank"

    @property
    def officers_folder(self) -> Path:
        """Certificates and keys of the officers."""
        return self.folder / "officers"

    @property
    def description(self) -> Path:
        """The file that this plan is written to."""
        return self.folder / "stack.json"

    @property
    def database_urls(self) -> list[str]:
        """Every service's database."""
        return [self.database_url(name) for name in self.commands()]

    def database_url(self, name: str) -> str:
        """The database of the central bank or of a bank."""
        if name == CENTRAL_BANK:
            return located(self.central_database, self.central_folder)
        return located(self.bank(name).database, self.bank_folder(name))

    @property
    def logs(self) -> Path:
        """Folder for the services' logs, which is in no copy of a stack."""
        return self.folder / "logs"

    @property
    def unheard_folder(self) -> Path:
        """Folder for what commands made here while nobody was told of it."""
        return self.folder / "unheard"

    def bank_folder(self, name: str) -> Path:
        """Settings, keys and database of a bank."""
        return self.folder / "banks" / name

    def cash_machine_key(self, bank: str, name: str = CASH_MACHINE) -> Path:
        """The key of a bank's cash machine, which is kept apart from the bank."""
        return self.folder / "cash_machines" / bank / f"{name}.key"

    def tray_folder(self, bank: str, name: str = CASH_MACHINE) -> Path:
        """The notes that a bank's cash machine has ready."""
        return self.folder / "cash_machines" / bank / f"{name}.tray"

    def bank(self, name: str) -> BankPlan:
        """The bank of that name. Raises BankMissing."""
        for bank in self.banks:
            if bank.name == name:
                return bank
        known = ", ".join(bank.name for bank in self.banks)
        raise BankMissing(
            _("no bank {name!r} in this stack; it has {known}").format(name=name, known=known)
        )

    def role_at(self, address: str) -> str:
        """The role of the service at an address. Raises StackMissing if there is none."""
        if address == self.central_address:
            return parties.CENTRAL_BANK
        for bank in self.banks:
            if address in (bank.public_address, bank.inner_address):
                return parties.bank(bank.name)
        raise StackMissing(_("nobody in this stack listens at {address}").format(address=address))

    def officers(self, institution: str) -> tuple[str, ...]:
        """The officers of the central bank or of a bank."""
        if institution == CENTRAL_BANK:
            return self.central_officers
        return self.bank(institution).officers

    def institution(self, officer: str) -> str:
        """The institution where an officer works. Raises OfficerMissing."""
        known = []
        for name in (CENTRAL_BANK, *(bank.name for bank in self.banks)):
            if officer in self.officers(name):
                return name
            known.append(f"{name}: {', '.join(self.officers(name))}")
        raise OfficerMissing(
            _("no officer {officer!r} in this stack; it has {known}").format(
                officer=officer, known="; ".join(known)
            )
        )

    def office_address(self, institution: str) -> str:
        """Where an institution's officers reach it."""
        if institution == CENTRAL_BANK:
            return self.central_address
        return self.bank(institution).inner_address

    def commands(self) -> dict[str, ServiceCommand]:
        """The processes of the stack by name, the central bank first."""
        found = {CENTRAL_BANK: self.command(CENTRAL_BANK)}
        found.update({bank.name: self.command(bank.name) for bank in self.banks})
        return found

    def command(self, name: str) -> ServiceCommand:
        """The process of the central bank or of one bank."""
        log = self.logs / f"{name}.log"
        if name == CENTRAL_BANK:
            settings = self.central_folder / "settings.toml"
            return ServiceCommand(
                name, own("central_bank"), ("--settings", str(settings), "--migrate"), log
            )
        settings = self.bank_folder(name) / "settings.toml"
        arguments = ("--bank", name, "--settings", str(settings), "--migrate")
        edge = log.with_name(f"{name}-edge.log")
        return ServiceCommand(name, own("operator_bank"), arguments, log, (edge,))

    def changed(self, change: Callable[[StackPlan], StackPlan]) -> StackPlan:
        """Changes the plan in its file under a lock, and returns the new plan."""
        file = os.open(self.folder / "stack.lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        with os.fdopen(file) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            plan = change(load(self.folder))
            plan.save()
            return plan

    def with_officers(self, institution: str, names: Sequence[str]) -> StackPlan:
        """The plan with these officers at the central bank or at a bank."""
        if institution == CENTRAL_BANK:
            return replace(self, central_officers=tuple(names))
        banks = [
            replace(bank, officers=tuple(names)) if bank.name == institution else bank
            for bank in self.banks
        ]
        return replace(self, banks=tuple(banks))

    def save(self) -> None:
        """Writes the description; readers see either the old one or the new one, whole."""
        fields = asdict(self)
        del fields["folder"]  # the stack may be moved
        text = json.dumps(fields, indent=2)
        fresh = self.description.with_suffix(".new")
        write_private(fresh, text.encode() + b"\n")
        os.replace(fresh, self.description)


def bank_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names for a new stack's banks, without blanks around them.

    Raises:
        BanksMisnamed: a name is not valid by the contract, occurs twice, or is the central bank's.
    """
    found = tuple(name.strip() for name in names)
    for name in found:
        if not _BANK_NAME.fullmatch(name) or name == CENTRAL_BANK:
            raise BanksMisnamed(
                _(
                    "{name!r} cannot be a bank's name: 2 to 16 small letters, digits and "
                    "hyphens, a letter first, and not {central_bank}; write them like alpha,beta"
                ).format(name=name, central_bank=CENTRAL_BANK)
            )
        if found.count(name) > 1:
            raise BanksMisnamed(
                _("{name!r} stands twice; each bank has a name of its own").format(name=name)
            )
    return found


def load(folder: Path) -> StackPlan:
    """The stack in ``folder``. Raises StackMissing."""
    path = folder / "stack.json"
    if not path.exists():
        raise StackMissing(
            _("no stack in {folder}; `dcep up --stack {quote}` makes one").format(
                folder=folder, quote=shlex.quote(str(folder))
            )
        )
    try:
        read = json.loads(path.read_text())
        banks = tuple(
            BankPlan(**{**bank, "officers": tuple(bank["officers"])}) for bank in read.pop("banks")
        )
        officers = tuple(read.pop("central_officers"))
        plan = StackPlan(folder.resolve(), banks=banks, central_officers=officers, **read)
        for url in (plan.central_database, *(bank.database for bank in banks)):
            check_database(url)
        return plan
    except (ValueError, TypeError, KeyError, SettingsError) as cause:
        raise StackMissing(
            _("{path} cannot be read: {cause}").format(path=path, cause=cause)
        ) from cause


def draw(folder: Path, bank_names: Sequence[str], databases: dict[str, str]) -> StackPlan:
    """A plan for a new stack: free ports, and prefixes 6201, 6202, … in the order of the names.

    Args:
        folder: where the stack will be.
        bank_names: of its banks.
        databases: a URL for each service by name; a service without one gets a SQLite file.
    """
    folder = folder.resolve()
    ports = iter(free_ports(2 + 3 * len(bank_names)))
    banks = tuple(
        BankPlan(
            name=name,
            prefix=str(FIRST_PREFIX + index),
            public_address=f"{HOST}:{next(ports)}",
            inner_address=f"{HOST}:{next(ports)}",
            metrics_port=next(ports),
            officers=people_for(index),
            database=databases.get(name, "sqlite:///operator_bank.db"),
        )
        for index, name in enumerate(bank_names)
    )
    return StackPlan(
        folder=folder,
        central_address=f"{HOST}:{next(ports)}",
        central_metrics_port=next(ports),
        central_database=databases.get(CENTRAL_BANK, "sqlite:///central_bank.db"),
        banks=banks,
    )


def people_for(index: int) -> tuple[str, ...]:
    """The first officers of the stack's bank number `index`, counted from 0."""
    names = ("wang", "zhou", "chen", "zhao", "sun", "wu")
    mine = names[2 * index : 2 * index + 2]
    return mine or (f"officer{index}a", f"officer{index}b")
