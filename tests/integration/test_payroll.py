"""A payroll across banks whose command and whose banks are killed in the middle pays each once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from currency.amount import format_yuan
from dcep.purposes.v1 import purposes_pb2
from deployment.databases import reading_engine
from deployment.topology import CENTRAL_BANK
from sandbox.demo.environment import System, wait_until
from sandbox.replay.grpc_peer import GrpcBankPeer
from sandbox.replay.wallets import open_wallets
from settlement.records import Kind, Result
from tests.integration.histories import kept
from tests.integration.shell import Shell, opened
from tests.integration.systems import MakeSystem

ROWS = 1_600
"""Enough for some calls, between which something can be killed."""

PATIENCE_S = 240.0
_CAME = text(
    "SELECT w.number, COUNT(*), SUM(p.amount_fen) FROM payments p"
    " JOIN accounts a ON a.number = p.credit JOIN wallets w ON w.id = a.owner"
    f" WHERE p.result = {int(Result.ACCEPTED)} AND p.purpose = {purposes_pb2.PURPOSE_PAYMENT}"
    f" AND p.kind IN ({int(Kind.TRANSFER)}, {int(Kind.DELIVER)}) GROUP BY w.number"
)
pytestmark = [pytest.mark.any_database, pytest.mark.timeout(600)]


@pytest.fixture
def system(systems: MakeSystem) -> Iterator[System]:
    made = systems()
    yield made
    made.close()


def test_each_row_is_paid_once_whatever_is_killed(system: System, tmp_path: Path) -> None:
    office, number = opened(system, tmp_path / "office", "--bank", "alpha", "--name", "Office")
    office.answer("topup", "9,000")
    wages = {payee: 100 + n % 400 for n, payee in enumerate(payees(system))}
    file = tmp_path / "wages.csv"
    rows = [f"{payee},worker,{format_yuan(fen)}" for payee, fen in wages.items()]
    file.write_text("\n".join(["payee,name,amount", *rows, ""]))
    total = format_yuan(sum(wages.values()))

    for enough in (1, ROWS // 3):
        with paying(system, office, file, total) as command:
            _await_ordered(system, number, enough)
            command.kill()
    with paying(system, office, file, total) as command:
        for name in ("beta", CENTRAL_BANK, "alpha"):
            system.stack.kill(name)
            time.sleep(0.5)
            system.stack.restart(name)
        command.wait(PATIENCE_S)
    done = office.answer("payroll", str(file))
    assert (done["settled"], done["settled_fen"]) == (ROWS, sum(wages.values()))

    system.wait_quiet()
    paid = {key: rows for key, rows in kept(system.plan).items() if key[0] == number}
    assert sorted(row.amount_fen for rows in paid.values() for row in rows if row.settled) == (
        sorted(wages.values())
    )
    wait_until(lambda: sum(n for n, _fen in came(system).values()) >= ROWS, "arrivals", PATIENCE_S)
    found = came(system)
    assert {payee: found[payee] for payee in wages} == {
        payee: (1, fen) for payee, fen in wages.items()
    }
    before = ordered(system, number)
    office.answer("payroll", str(file))
    assert ordered(system, number) == before


def payees(system: System) -> list[str]:
    """Numbers of ROWS wallets, at the banks by turns."""
    peers = [GrpcBankPeer(system.plan, bank.name) for bank in system.plan.banks]
    names = [f"worker {n}" for n in range(ROWS)]
    try:
        made = [
            pair
            for part in open_wallets(peers, names, lambda: time.time_ns() // 1_000_000, ROWS)
            for pair in part
        ]
    finally:
        for peer in peers:
            peer.close()
    return [wallet.number for _party, wallet in sorted(made, key=lambda pair: pair[0])]


def paying(system: System, office: Shell, file: Path, total: str) -> subprocess.Popen[bytes]:
    """The command, as a process of its own."""
    words = ["payroll", str(file), "--total", total, "--json", "--home", office.home]
    importable = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, "-m", "wallet.cli.main", *words],
        stdout=subprocess.DEVNULL,
        env={
            **os.environ,
            "PYTHONPATH": importable,
            "DCEP_STACK": str(system.plan.folder),
        },
    )


def _await_ordered(system: System, number: str, enough: int) -> None:
    wait_until(lambda: ordered(system, number) >= enough, "payments", PATIENCE_S)


def ordered(system: System, number: str) -> int:
    """How many payments of a wallet its bank has taken."""
    return sum(1 for payer, _sequence in kept(system.plan) if payer == number)


def came(system: System) -> dict[str, tuple[int, int]]:
    """How many payments have come to each wallet, and how much, by the banks' databases."""
    found: dict[str, tuple[int, int]] = {}
    for bank in system.plan.banks:
        engine = reading_engine(system.plan.database_url(bank.name))
        with engine.connect() as connection:
            found |= {number: (count, int(fen)) for number, count, fen in connection.execute(_CAME)}
        engine.dispose()
    return found
