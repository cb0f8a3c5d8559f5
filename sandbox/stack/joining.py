"""Adds a bank to an existing stack: makes its folder, keys, ports and database.

What is about to be made is written down first (`joining/NAME.json`). The bank is in the stack once
everything is there. If that is interrupted, the same command deletes what was half made and begins
again. Once the bank is in the stack, the command goes on from where it stopped.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from deployment.databases import create_databases, drop_databases
from deployment.ports import free_ports
from deployment.provisioning import make_bank, officer_key_file, write_directory
from deployment.topology import (
    CENTRAL_BANK,
    FIRST_PREFIX,
    HOST,
    BankPlan,
    BanksMisnamed,
    StackPlan,
    bank_names,
    load,
    people_for,
)
from language import _
from runtime.files import write_whole
from runtime.output import reason_of
from runtime.private import PRIVATE_FILE, make_private


class PortTaken(Exception):
    """A port chosen for a bank is in use; nothing was made."""


@dataclass(frozen=True)
class Wanted:
    """What was chosen for a new bank; for 0 or an empty string something is chosen here."""

    public_port: int = 0
    inner_port: int = 0
    metrics_port: int = 0
    prefix: str = ""
    database_url: str = ""


def join(plan: StackPlan, name: str, wanted: Wanted) -> StackPlan:
    """Adds a bank with all its files to a stack; it is not admitted and not started.

    Returns:
        The plan with the bank. A bank that is in it already stays as it is.

    Raises:
        BanksMisnamed: no bank can have this name or prefix, or something else has it.
        PortTaken: a chosen port is in use.
    """
    (name,) = bank_names([name])
    with _one_at_a_time(plan):
        return _join(plan, name, wanted)


def _join(plan: StackPlan, name: str, wanted: Wanted) -> StackPlan:
    plan = load(plan.folder)
    _clear(plan, name)
    if any(bank.name == name for bank in plan.banks):
        write_directory(plan)
        return plan
    for path in (plan.bank_folder(name), plan.cash_machine_key(name).parent):
        if path.exists():
            raise BanksMisnamed(
                _("{path} is there, and no bank of this stack: take it away first").format(
                    path=path
                )
            )
    bank = _drawn(plan, name, wanted)
    try:
        bank = _made(plan, bank, wanted.database_url)
        plan = plan.changed(lambda now: _with(now, bank))
    except BaseException:
        _clear(plan, name)
        raise
    _note(plan, name).unlink()
    write_directory(plan)
    return plan


@contextmanager
def _one_at_a_time(plan: StackPlan) -> Iterator[None]:
    """Lets one command join at a time: otherwise one would delete another's half-made bank."""
    folder = plan.folder / "joining"
    make_private(folder)
    with os.fdopen(os.open(folder / "lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _drawn(plan: StackPlan, name: str, wanted: Wanted) -> BankPlan:
    prefixes = {bank.prefix for bank in plan.banks}
    prefix = wanted.prefix or str(max(map(int, prefixes), default=FIRST_PREFIX - 1) + 1)
    if not (prefix.isascii() and prefix.isdigit() and len(prefix) == 4) or prefix in prefixes:
        raise BanksMisnamed(
            _("{prefix!r} cannot begin its wallets' numbers: four digits, no other's").format(
                prefix=prefix
            )
        )
    public, inner, metrics = _ports(plan, wanted)
    return BankPlan(
        name=name,
        prefix=prefix,
        public_address=f"{HOST}:{public}",
        inner_address=f"{HOST}:{inner}",
        metrics_port=metrics,
        officers=_people(plan),
        database="sqlite:///operator_bank.db",
    )


def _made(plan: StackPlan, bank: BankPlan, database_url: str) -> BankPlan:
    """Makes files, keys and database, and writes down each before it is made."""
    _write_down(plan, bank)
    server = database_url or plan.database_url(CENTRAL_BANK)
    if server.startswith("postgresql"):
        base = server if database_url else str(_of_server(server))
        made = create_databases(base, [bank.name])[bank.name]
        bank = replace(bank, database=made)
        _write_down(plan, bank)
    make_bank(_with(plan, bank), bank)
    return bank


def _of_server(url: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).set(database="postgres").render_as_string(hide_password=False)


def _write_down(plan: StackPlan, bank: BankPlan) -> None:
    write_whole(_note(plan, bank.name), json.dumps(asdict(bank)).encode())


def _clear(plan: StackPlan, name: str) -> None:
    """Deletes what was half made for a bank that did not get into the stack."""
    note = _note(plan, name)
    if not note.exists():
        return
    plan = load(plan.folder)
    if any(bank.name == name for bank in plan.banks):
        note.unlink()
        return
    bank = json.loads(note.read_text())
    drop_databases([bank["database"]])
    for folder in (plan.bank_folder(name), plan.cash_machine_key(name).parent):
        shutil.rmtree(folder, ignore_errors=True)
    # An officer with that name may have been registered since.
    known = {officer for at in plan.commands() for officer in plan.officers(at)}
    for officer in set(bank["officers"]) - known:
        key = officer_key_file(plan, officer)
        certificate = plan.officers_folder / f"{officer}.crt"
        for file in (key, certificate, certificate.with_suffix(".key")):
            file.unlink(missing_ok=True)
    note.unlink()


def _note(plan: StackPlan, name: str) -> Path:
    return plan.folder / "joining" / f"{name}.json"


def _with(plan: StackPlan, bank: BankPlan) -> StackPlan:
    if any(other.name == bank.name for other in plan.banks):
        raise BanksMisnamed(
            _("{bank!r} was added by somebody else meanwhile").format(bank=bank.name)
        )
    return replace(plan, banks=(*plan.banks, bank))


def _people(plan: StackPlan) -> tuple[str, ...]:
    """Names for its officers that nobody in the stack has, nor any file of an earlier officer."""
    taken = {officer for at in plan.commands() for officer in plan.officers(at)}
    taken |= {file.name.split(".")[0] for file in plan.officers_folder.iterdir()}
    index = len(plan.banks)
    while True:
        found = people_for(index)
        if not taken & set(found):
            return found
        index += 1


def _ports(plan: StackPlan, wanted: Wanted) -> tuple[int, int, int]:
    """The chosen ports, which must be free; for the others free ones that no service here has."""
    ours = _ports_of(plan)
    chosen = (wanted.public_port, wanted.inner_port, wanted.metrics_port)
    named = [port for port in chosen if port]
    for port in named:
        if port in ours or named.count(port) > 1:
            raise PortTaken(
                _("port {port} has another use in this stack; nothing was made").format(port=port)
            )
        _check_free(port)
    fresh = iter([port for port in free_ports(3 + len(ours)) if port not in ours])
    public, inner, metrics = (port or next(fresh) for port in chosen)
    return public, inner, metrics


def _ports_of(plan: StackPlan) -> set[int]:
    """The ports of all services, running or not."""
    addresses: Sequence[str] = (
        plan.central_address,
        *(bank.public_address for bank in plan.banks),
        *(bank.inner_address for bank in plan.banks),
    )
    ports = {int(address.rpartition(":")[2]) for address in addresses}
    return ports | {plan.central_metrics_port, *(bank.metrics_port for bank in plan.banks)}


def _check_free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise PortTaken(
                _("port {port}: {error}; nothing was made").format(
                    port=port, error=reason_of(error)
                )
            ) from error
