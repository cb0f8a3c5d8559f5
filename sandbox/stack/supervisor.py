"""Supervises a stack: starts, awaits, kills, restarts and stops its services, and admits banks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from console.clients import BankOfficerClient, CentralOfficerClient, by_two
from currency.days import date_of, day_of
from deployment.another_stack import AnotherStack, check_ours
from deployment.connections import officer_channel, serving
from deployment.databases import create_databases, drop_databases
from deployment.policy_file import SHIPPED, read_policy
from deployment.processes import ProcessFailed, Running, interrupted_later, stop_all
from deployment.provisioning import introduction, make_trust
from deployment.topology import CENTRAL_BANK, StackMissing, StackPlan, bank_names, draw, load
from runtime.clock import SystemClock
from runtime.compiled_code import environment
from runtime.private import make_private
from sandbox.limits import HEALTH_POLL_S, START_TIMEOUT_S
from sandbox.stack.watch import one_starter

DEFAULT_BANKS = ("alpha", "beta")
FIRST_POLICY = SHIPPED / "e-cny.toml"
"""The limits of a new stack; its officers publish others."""


def init(
    folder: Path, banks: Sequence[str] = DEFAULT_BANKS, database_server: str = ""
) -> StackPlan:
    """Make a new stack in ``folder``: trust, settings, databases; or load the one that is there.

    If it is interrupted, even by Ctrl-C, what was made by then is deleted again.

    Args:
        folder: the stack's.
        banks: their names.
        database_server: a PostgreSQL URL; "": an SQLite file for each service.

    Raises:
        BanksMisnamed: before anything is made.
    """
    if (folder / "stack.json").exists():
        return load(folder)
    banks = bank_names(banks)
    names = [CENTRAL_BANK, *banks]
    databases: dict[str, str] = {}
    with _all_or_nothing(folder, databases):
        make_private(folder)
        if database_server:
            databases.update(create_databases(database_server, names))
        plan = draw(folder, banks, databases)
        make_trust(plan)
        plan.save()
    return plan


@contextmanager
def _all_or_nothing(folder: Path, databases: Mapping[str, str]) -> Iterator[None]:
    """On an error deletes what was made meanwhile, and leaves what was there before."""
    before = set(folder.iterdir()) if folder.is_dir() else None
    try:
        yield
    except BaseException:
        for path in set(folder.iterdir()) - (before or set()) if folder.is_dir() else ():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        if before is None and folder.is_dir():
            folder.rmdir()
        drop_databases(list(databases.values()))
        raise


class Stack:
    """The processes of one plan. Not thread-safe.

    Several commands may look after one stack, so its description says which services run.

    Attributes:
        running: the services that run, as far as this command knows.
        started: names of those that this command started.
    """

    def __init__(self, plan: StackPlan) -> None:
        self.plan = plan
        self.running: dict[str, Running] = {}
        self.started: set[str] = set()
        for name, pid in plan.pids.items():
            found = Running.find(plan.command(name), pid)
            if found is not None:
                self.running[name] = found

    @property
    def names(self) -> list[str]:
        """The services, the central bank first."""
        return list(self.plan.commands())

    def up(self) -> None:
        """Start what does not run, wait until all are healthy, and admit banks that are not yet.

        Raises:
            ProcessFailed: a service does not come up; the message has the end of its log. What
                this command had started by then is stopped again.
        """
        try:
            for name in self.names:
                self.start(name)
            self.await_healthy(CENTRAL_BANK)
            self.publish_policy()
            self.admit_banks()
            for bank in self.plan.banks:
                self.await_healthy(bank.name)
                self.await_policy(bank.name)
        except BaseException:
            self.down(self.started)
            raise

    def start(self, name: str) -> Running:
        """Start one service if it does not run, without waiting for it.

        A service that another command has started meanwhile stays that command's.

        Raises:
            AnotherStack: a service that is not this stack's answers at its address.
        """
        if self._lives(name):
            return self.running[name]
        with one_starter(self.plan.logs, name):
            self.attach()
            return self.running[name] if self._lives(name) else self._start(name)

    def was_stopped(self, name: str) -> bool:
        """Whether somebody stopped, on purpose, a service that this command knows."""
        return name not in load(self.plan.folder).pids

    def attach(self) -> list[str]:
        """Takes note of services that other commands have started since; returns their names."""
        try:
            plan = load(self.plan.folder)
        except StackMissing:
            return []  # the folder was deleted; what runs is stopped all the same
        found = {
            name: process
            for name, pid in plan.pids.items()
            if not self._lives(name)
            and (process := Running.find(plan.command(name), pid)) is not None
        }
        if found:
            self.plan = plan
            self.running.update(found)
            self.started.difference_update(found)
        return list(found)

    def expect_all(self) -> None:
        """Takes note, too, of services that the description says run and that have ended."""
        for name, pid in self.plan.pids.items():
            self.running.setdefault(name, Running(self.plan.command(name), pid, None))

    def leave_running(self, name: str) -> None:
        """Leaves a service to others: this command does not stop it as one that it started."""
        self.started.discard(name)

    def forget(self, name: str) -> None:
        """Looks after a service no longer."""
        self.running.pop(name, None)
        self.started.discard(name)

    def restart(self, name: str) -> None:
        """Stop a service, if it runs, start it again, and wait until it is healthy.

        Nobody else starts it in between. It stays written down as one that is to run, so if this
        command dies, whoever looks after the stack starts it.

        Raises:
            AnotherStack: as `start`.
            ProcessFailed: as `await_healthy`.
        """
        with one_starter(self.plan.logs, name):
            self.attach()
            if self._lives(name):
                self.running[name].stop()
            self._start(name)
        self.await_healthy(name)

    def stop(self, name: str) -> None:
        """Drain and stop one service."""
        self._let_go(name).stop()

    def kill(self, name: str) -> None:
        """Kill one service as a power cut would."""
        self._let_go(name).kill()

    def down(self, only: Collection[str] | None = None) -> list[str]:
        """Stop everything, or some; returns the names of what was running. Banks first."""
        self.attach()
        wanted = self.names if only is None else only
        stopped = [name for name in reversed(self.names) if name in self.running and name in wanted]
        # First, or those who watch would start them again; for those that are down just now, too.
        self._write_down(dict.fromkeys(wanted))
        stop_all([self.running[name] for name in stopped])
        for name in stopped:
            self.forget(name)
        return stopped

    def await_healthy(self, name: str, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until a service says SERVING on each of its ports.

        Raises:
            ProcessFailed: it ends, or takes too long.
        """
        process = self.running[name]
        ends_at = time.monotonic() + timeout_s
        for address in self._addresses(name):
            with officer_channel(self.plan, address, self._officer(name)) as channel:
                while not serving(channel):
                    if not process.alive():
                        raise ProcessFailed(process.ended())
                    if time.monotonic() > ends_at:
                        raise ProcessFailed(process.late(timeout_s))
                    time.sleep(HEALTH_POLL_S)
        if not process.alive():  # and somebody else said that all is well
            raise ProcessFailed(process.ended())

    def healthy(self, name: str) -> bool:
        """Whether a service says SERVING right now, on each of its ports."""
        try:
            check_ours(self.plan, name)
        except AnotherStack:
            return False
        for address in self._addresses(name):
            with officer_channel(self.plan, address, self._officer(name)) as channel:
                if not serving(channel):
                    return False
        return True

    def publish_policy(self) -> None:
        """Have two officers publish the limits of wallets, if none were published ever."""
        with CentralOfficerClient(self.plan, self.plan.central_officers[0]) as office:
            if next(office.approved_acts("publish_policy"), None) is not None:
                return
        today = date_of(day_of(SystemClock().now_ms()))
        by_two(self.plan, CENTRAL_BANK, read_policy(FIRST_POLICY, today), "a new stack")

    def await_policy(self, name: str, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until a bank has heard which limits wallets have; it opens none before.

        Raises:
            ProcessFailed: it ends, or takes too long.
        """
        process, ends_at = self.running[name], time.monotonic() + timeout_s
        with BankOfficerClient(self.plan, name) as office:
            while not office.feed().announced_number:
                if not process.alive():
                    raise ProcessFailed(process.ended())
                if time.monotonic() > ends_at:
                    raise ProcessFailed(process.late(timeout_s))
                time.sleep(HEALTH_POLL_S)

    def admit_banks(self) -> None:
        """Have two officers admit the banks that the authentication centre does not know yet."""
        with CentralOfficerClient(self.plan, self.plan.central_officers[0]) as office:
            known = {bank.name for bank in office.banks()}
        for bank in self.plan.banks:
            if bank.name not in known:
                by_two(self.plan, CENTRAL_BANK, introduction(self.plan, bank.name), "a new stack")

    def _addresses(self, name: str) -> list[str]:
        """The addresses at which a service listens."""
        if name == CENTRAL_BANK:
            return [self.plan.central_address]
        bank = self.plan.bank(name)
        return [bank.inner_address, bank.public_address]

    def _officer(self, name: str) -> str:
        return load(self.plan.folder).officers(name)[0]

    def _start(self, name: str) -> Running:
        """Starts a service; the caller is the one who may."""
        check_ours(self.plan, name)
        with interrupted_later():
            kept = environment(self.plan.folder / "compiled")
            found = self.running[name] = Running.start(self.plan.command(name), kept)
            self.started.add(name)
            self._write_down({name: found.pid})
        return found

    def _lives(self, name: str) -> bool:
        return name in self.running and self.running[name].alive()

    def _let_go(self, name: str) -> Running:
        process = self.running[name]
        self.forget(name)
        self._write_down({name: None})
        return process

    def _write_down(self, changed: Mapping[str, int | None]) -> None:
        """Writes down which services run now, and keeps what other commands have written."""

        def change(plan: StackPlan) -> StackPlan:
            pids: dict[str, int | None] = {**plan.pids, **changed}
            return replace(plan, pids={name: pid for name, pid in pids.items() if pid is not None})

        self.plan = self.plan.changed(change)
