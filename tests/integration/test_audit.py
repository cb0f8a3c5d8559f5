"""The audit names what somebody changed by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from auditor.audit import audit_stack
from deployment.topology import CENTRAL_BANK
from runtime.database import open_engine
from sandbox.demo.environment import System, wait_until
from sandbox.demo.scenario import audited
from tests.integration.commands import Done, dcep
from tests.integration.raw_wallet import BankStubs, RawWallet
from tests.integration.systems import MakeSystem

pytestmark = pytest.mark.xdist_group("audit")


@pytest.fixture(scope="module")
def own(systems: MakeSystem) -> System:
    """A stack with a few payments behind it, all of its services dead."""
    system = systems()
    alpha, beta = BankStubs(system.plan, "alpha"), BankStubs(system.plan, "beta")
    payer, near, far = RawWallet(alpha), RawWallet(alpha), RawWallet(beta)
    payer.top_up(100_000)
    for amount_fen in (100, 2_000, 30_000):
        payer.pay(near.number, amount_fen)
        payer.pay(far.number, amount_fen)
    assert audited(system).ok
    wait_until(lambda: projected(system), "every payment and balance is in its table")
    for name in system.stack.names:
        system.stack.kill(name)
    return system


def projected(system: System) -> bool:
    """Whether the tables that follow the journals are where those are, at every service."""
    for url in system.plan.database_urls:
        engine = open_engine(url)
        with engine.connect() as connection:
            ends = "SELECT max(first_position + count - 1) FROM journal"
            written = connection.exec_driver_sql(ends).scalar()
            followed = connection.exec_driver_sql("SELECT position FROM projected").scalars().all()
        engine.dispose()
        if list(followed) != [written, written]:  # payments and balances
            return False
    return True


@pytest.fixture
def database(own: System, sqlite_files: None) -> Iterator[Callable[[str], Path]]:
    """The SQLite file of a service; whatever the test does to it is undone afterwards."""
    kept: dict[Path, bytes] = {}

    def path_of(service: str) -> Path:
        folder = own.plan.folder
        path = (
            folder / "central_bank" / "central_bank.db"
            if service == CENTRAL_BANK
            else folder / "banks" / service / "operator_bank.db"
        )
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kept[path] = path.read_bytes()
        return path

    yield path_of
    for path, content in kept.items():
        for extra in ("-wal", "-shm"):
            path.with_name(path.name + extra).unlink(missing_ok=True)
        path.write_bytes(content)


def execute(path: Path, statement: str, *values: Any) -> int:
    """Change a database by hand; returns how many rows it touched."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).rowcount


def fetch(path: Path, statement: str) -> Any:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchone()


def test_the_audit_holds_with_every_service_dead(own: System) -> None:
    found = audit_stack(own.plan)
    assert found.ok, found.problems
    assert all(bank.ok for bank in found.banks)


@pytest.mark.parametrize("service", [CENTRAL_BANK, "alpha", "beta"])
def test_a_balance_changed_by_hand_is_named(
    own: System, database: Callable[[str], Path], service: str
) -> None:
    path = database(service)
    account = fetch(path, "SELECT account FROM balances WHERE available_fen > 0")[0]
    statement = "UPDATE balances SET available_fen = available_fen + 1 WHERE account = ?"
    assert execute(path, statement, account) == 1
    problems = audit_stack(own.plan).problems
    assert any(f"{service}: table balances, row account={account}" in text for text in problems)


@pytest.mark.parametrize("service", [CENTRAL_BANK, "alpha", "beta"])
def test_a_deleted_payment_is_named(
    own: System, database: Callable[[str], Path], service: str
) -> None:
    path = database(service)
    position = fetch(path, "SELECT position FROM payments WHERE amount_fen = 2000")[0]
    assert execute(path, "DELETE FROM payments WHERE position = ?", position) == 1
    problems = audit_stack(own.plan).problems
    assert f"{service}: table payments, row position={position} is missing" in problems


@pytest.mark.parametrize("service", [CENTRAL_BANK, "alpha", "beta"])
def test_a_rewritten_journal_row_is_named(
    own: System, database: Callable[[str], Path], service: str
) -> None:
    path = database(service)
    seq, body = fetch(path, "SELECT seq, body FROM journal ORDER BY seq DESC LIMIT 1 OFFSET 1")
    changed = bytes(body[:-1]) + bytes([body[-1] ^ 1])
    assert execute(path, "UPDATE journal SET body = ? WHERE seq = ?", changed, seq) == 1
    problems = audit_stack(own.plan).problems
    assert any(f"{service}: table journal, row seq={seq}" in text for text in problems)


def test_a_deleted_journal_row_is_named(own: System, database: Callable[[str], Path]) -> None:
    path = database("alpha")
    seq = fetch(path, "SELECT MAX(seq) - 1 FROM journal")[0]
    assert execute(path, "DELETE FROM journal WHERE seq = ?", seq) == 1
    problems = audit_stack(own.plan).problems
    assert any(f"alpha: table journal, row seq={seq} is missing" in text for text in problems)


def test_the_command_line_exits_non_zero_and_names_the_row(
    own: System, database: Callable[[str], Path]
) -> None:
    assert run_audit(own).code == 0
    path = database("beta")
    execute(path, "UPDATE balances SET held_fen = held_fen + 5 WHERE account = 1")
    done = run_audit(own)
    assert done.code == 1
    assert done.answer["ok"] is False
    named = "beta: table balances, row account=1"
    assert any(named in text for text in done.answer["problems"])


def run_audit(system: System) -> Done:
    """``dcep audit --json``."""
    return dcep("audit", "--json", "--stack", str(system.plan.folder))
