"""Commands feel instant: no compiler, and no more is imported than a command needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wallet.fake_bank import FakeBank

HEAVY = {"numba", "numpy", "settlement", "alembic", "cryptography.x509", "prometheus_client"}


def run(stack: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "DCEP_STACK": str(stack),
        "WALLET_HOME": str(home),
    }
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "wallet.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    lines = done.stderr.splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}


@pytest.fixture
def number(stack: Path, tmp_path: Path) -> str:
    run(stack, tmp_path / "bob", "open", "--bank", "alpha", "--phone", "1")
    opened = run(stack, tmp_path / "home", "open", "--bank", "alpha", "--name", "A", "--json")
    assert opened.returncode == 0, opened.stderr[-2000:]
    assert run(stack, tmp_path / "home", "topup", "10").returncode == 0
    shown = run(stack, tmp_path / "bob", "show", "--json")
    return str(json.loads(shown.stdout)["number"])


def test_show_and_pay_import_nothing_heavy(number: str, stack: Path, tmp_path: Path) -> None:
    shown = run(stack, tmp_path / "home", "show")
    assert shown.returncode == 0
    assert not imported(shown) & {*HEAVY, "sqlalchemy", "rich"}
    paid = run(stack, tmp_path / "home", "pay", number, "0.01")
    assert paid.returncode == 0
    assert not imported(paid) & {*HEAVY, "rich"}


def test_wrong_amount_is_said_without_loading_anything(stack: Path, tmp_path: Path) -> None:
    done = run(stack, tmp_path / "home", "topup", "1e3")
    assert done.returncode == 2
    assert not imported(done) & {"grpc", "sqlalchemy"}


def test_killed_payment_is_taken_up_again(
    number: str, stack: Path, tmp_path: Path, grpc_bank: FakeBank
) -> None:
    grpc_bank.mute_after = 1
    assert run(stack, tmp_path / "home", "pay", number, "1").returncode == 3
    paid = run(stack, tmp_path / "home", "pay", number, "1", "--json")
    assert json.loads(paid.stdout)["repeated"] is True
    assert grpc_bank.accounts[number].available_fen == 100
