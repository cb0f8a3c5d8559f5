"""A PostgreSQL server is lost, or put back to a moment, with a tool that keeps its log."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from auditor.audit import audit_stack
from auditor.signatures.stack import SignaturesAsked
from console.clients import BankOfficerClient
from dcep.bank.v1.states_pb2 import PAYMENT_STATE_SETTLED
from deployment.topology import CENTRAL_BANK
from runtime.errors import NoAnswer, Refusal, is_undecided
from sandbox.demo.environment import System, wait_until
from sandbox.demo.wallet_process import Person
from sandbox.stack.supervisor import Stack, init
from tests.integration.paying import PATIENCE_S, Paying
from tests.integration.systems import fund, looking_after
from tests.kept_log import Server

pytestmark = [pytest.mark.any_database, pytest.mark.timeout(600)]

DIFFERS = "does not lead to entry"
TOPPED_UP_FEN = 100_000
SEED = 14


class OnOneServer(System):
    """A stack whose databases are on one server; its people keep their own files."""

    def _database_for(self, name: str) -> str:
        return ""


def _tools() -> Iterator[object]:
    place = Path(sys.executable).parent / "barman"
    missing = not place.exists() and shutil.which("barman") is None
    for tool in ("postgresql", "barman"):
        left_out = pytest.mark.skipif(tool == "barman" and missing, reason="Barman is not here")
        group = pytest.mark.xdist_group(f"point-in-time-{tool}")
        yield pytest.param(tool, marks=(left_out, group))


@pytest.fixture(scope="module", params=_tools())
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    found = Server(request.param)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def system(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("one-server")
    plan = init(folder / "stack", database_server=server.url)
    with OnOneServer(Stack(plan), folder / "homes") as made:
        made.stack.up()
        fund(made)
        yield made


@pytest.fixture(scope="module")
def alice(system: System) -> Person:
    found = system.person("alice", "alpha", holder_name="Alice")
    found.top_up(TOPPED_UP_FEN)
    return found


@pytest.fixture(scope="module")
def bob(system: System) -> Person:
    return system.person("bob", "beta", holder_name="Bob")


def pay(payer: Person, payee: Person, number: int) -> None:
    """Asks until it is settled, by one id, as a wallet does; a no that decides nothing is none."""
    request_id = f"7d1f0c52-0a7e-4c3b-8a57-{number:012x}"

    def settled() -> bool:
        try:
            answer = payer.pay(payee.number, 1, request_id=request_id)
        except Refusal as refusal:
            if not is_undecided(refusal.reason):
                raise
            return False
        except NoAnswer:
            return False
        return bool(answer.state == PAYMENT_STATE_SETTLED)

    wait_until(settled, "a payment is settled", PATIENCE_S)


def stopped(system: System, bank: str) -> str:
    """Why a bank's feed has stopped; "" if it has not."""
    with BankOfficerClient(system.plan, bank) as office:
        return office.feed().stopped_cause


def audited(system: System) -> None:
    """Nothing is on its way, and every fen is accounted for."""
    system.wait_quiet()
    found = audit_stack(system.plan, SignaturesAsked(None, None, lambda _: None))
    assert found.ok, found.problems


def test_a_lost_server_is_restored_to_the_end_of_its_log_and_nothing_acknowledged_is_missing(
    system: System, server: Server
) -> None:
    with looking_after(system.stack):
        with Paying(system, random.Random(SEED)) as paying:
            paying.more(5)
            server.back_up()
            paying.more(20)
            server.lose()
            server.restore()
            paying.more(5)
        paying.check()


def test_a_central_bank_that_is_put_back_to_a_time_is_noticed_by_every_bank(
    system: System, server: Server, alice: Person, bob: Person
) -> None:
    server.back_up()  # a restore begins a new timeline
    time = str(server.ask("SELECT now()"))
    before = alice.show().available_fen, bob.show().available_fen
    for number in range(5):
        pay(alice, bob, number)
    system.wait_available(bob, before[1] + 5)
    system.wait_quiet()
    server.restore_beside(time)

    database = str(make_url(system.plan.database_url(CENTRAL_BANK)).database)
    system.stack.kill(CENTRAL_BANK)
    kept = server.put_back(database)
    said = "the central bank is an older copy: bank beta has applied"
    assert any(problem.startswith(said) for problem in audit_stack(system.plan).problems)
    system.stack.restart(CENTRAL_BANK)
    for bank in ("alpha", "beta"):
        wait_until(lambda bank=bank: DIFFERS in stopped(system, bank), f"{bank} notices")  # type: ignore[misc]
    system.stack.kill(CENTRAL_BANK)
    server.take_back(database, kept)
    system.stack.restart(CENTRAL_BANK)
    for bank in ("alpha", "beta"):
        wait_until(lambda bank=bank: not stopped(system, bank), f"{bank} goes on")  # type: ignore[misc]

    pay(bob, alice, 5)
    system.wait_available(alice, before[0] - 5 + 1)
    audited(system)
