"""A service that was paused wakes up beside another one on its database: it moves and says nothing.

The central bank is stopped by a signal with work in its hands, as by a machine that hangs; another
one takes over on another port; then the first one goes on where it was.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select

from auditor.audit import audit_stack
from auditor.signatures.stack import SignaturesAsked
from central_bank.ledger.tables import ledger
from deployment.ports import free_ports
from deployment.topology import CENTRAL_BANK, load
from runtime.database import open_engine
from runtime.errors import NoAnswer, Refusal
from sandbox.demo.environment import System, wait_until
from tests import forked
from tests.integration.systems import MakeSystem

pytestmark = pytest.mark.any_database


class Another:
    """A second central bank on the same database, at a port of its own."""

    def __init__(self, system: System, *arguments: str) -> None:
        folder = system.plan.central_folder
        self.log = folder / "another.log"
        settings = folder / "settings.toml"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "central_bank", "--settings", str(settings), *arguments],
            env={
                **forked.importing(),
                "DCEP_LISTEN_ADDRESS": f"127.0.0.1:{free_ports(1)[0]}",
                "DCEP_METRICS_PORT": "0",
                "DCEP_LOG_FILE": str(self.log),
            },
        )

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def serves(self) -> bool:
        assert self.process.poll() is None, self.said()
        return '"serving"' in self.said()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def records(system: System) -> int:
    """How far the central bank's journal has come, by its database alone."""
    engine = create_engine(open_engine(system.plan.database_url(CENTRAL_BANK)).url)
    try:
        with engine.connect() as connection:
            count = func.coalesce(func.sum(ledger.journal.c.count), 0)
            return int(connection.execute(select(count)).scalar_one())
    finally:
        engine.dispose()


def gone(pid: int) -> bool:
    """Whether a process has ended, or is only still to be waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def in_thread(asked: Callable[[], object], said: list[object]) -> threading.Thread:
    """Asks on a thread, and writes down what was answered."""

    def ask() -> None:
        try:
            said.append(asked())
        except (Refusal, NoAnswer) as no:
            said.append(no)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_who_wakes_up_beside_another_one_neither_writes_nor_answers(
    systems: MakeSystem, postgres_url: str
) -> None:
    system = systems(postgres_url)
    payer = system.person("ann", "alpha", holder_name="Ann")
    payee = system.person("ben", "beta", holder_name="Ben")
    payer.top_up(1_000)
    system.wait_quiet()
    old = load(system.plan.folder).pids[CENTRAL_BANK]
    os.kill(old, signal.SIGSTOP)
    try:
        refused = Another(system)
        assert refused.process.wait(60) == 2
        assert "--take-over" in refused.said()
        # What alpha sends and an officer asks lies in the paused one's hands.
        paid: list[object] = []
        paying = in_thread(lambda: payer.pay(payee.number, 100), paid)
        told: list[object] = []
        with system.central(system.plan.central_officers[0]) as officer:
            asking = in_thread(officer.books, told)
            newer = Another(system, "--take-over")
            wait_until(newer.serves, "the other one serves", 60)
            taken = records(system)
            os.kill(old, signal.SIGCONT)
            wait_until(lambda: gone(old), "the paused one has ended", 60)
            asking.join(60)
        assert len(told) == 1 and isinstance(told[0], (Refusal, NoAnswer)), told
        assert records(system) == taken, "the paused one has written"
        newer.stop()
    finally:
        if not gone(old):
            os.kill(old, signal.SIGCONT)
    system.stack.restart(CENTRAL_BANK)
    paying.join(120)
    system.wait_available(payee, 100)
    system.wait_available(payer, 900)
    system.wait_quiet()
    assert audit_stack(system.plan, SignaturesAsked(None, None, lambda _: None)).ok


def test_on_a_file_the_second_one_is_told_which_process_to_end(systems: MakeSystem) -> None:
    system = systems("")
    old = load(system.plan.folder).pids[CENTRAL_BANK]
    os.kill(old, signal.SIGSTOP)
    try:
        refused = Another(system, "--take-over")
        assert refused.process.wait(60) == 2
        assert f"process {old};" in refused.said()
    finally:
        os.kill(old, signal.SIGCONT)
    system.stack.kill(CENTRAL_BANK)
    system.stack.restart(CENTRAL_BANK)
    assert audit_stack(system.plan, SignaturesAsked(None, None, lambda _: None)).ok
