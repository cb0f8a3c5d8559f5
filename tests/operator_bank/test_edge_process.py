"""A bank's edge ends when it is told to, or its bank has ended, also before anybody is served."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployment.ports import free_ports
from deployment.topology import StackPlan
from sandbox.demo.environment import wait_until
from sandbox.stack.supervisor import init

SOON_S = 5.0


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> StackPlan:
    return init(tmp_path_factory.mktemp("edge") / "stack")


@contextmanager
def edge(plan: StackPlan, port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An edge of alpha whose bank has not begun to listen."""
    settings = plan.bank_folder("alpha") / "settings.toml"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "operator_bank.edge"),
            *("--settings", str(settings), "--bank", f"unix:{folder / 'none' / 'bank'}"),
        ],
        stdin=subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
            "DCEP_PUBLIC_ADDRESS": f"127.0.0.1:{port}",
            "DCEP_LOG_FILE": str(folder / "alpha.log"),
        },
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def taken(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@pytest.mark.parametrize("how", ["told", "alone"])
def test_an_edge_that_waits_for_its_bank_ends_all_the_same(
    plan: StackPlan, tmp_path: Path, how: str
) -> None:
    [port] = free_ports(1)
    with edge(plan, port, tmp_path) as process:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        wait_until(lambda: taken(port), "the edge has its port", 60)
        if how == "told":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        assert process.wait(SOON_S) == 0
        assert not taken(port)


def test_an_edge_whose_log_cannot_be_written_serves_all_the_same(
    plan: StackPlan, tmp_path: Path
) -> None:
    """Where a file of that name cannot be opened, it is said on standard error."""
    [port] = free_ports(1)
    (tmp_path / "alpha-edge.log").mkdir()
    with edge(plan, port, tmp_path) as process:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        wait_until(lambda: taken(port) or process.poll() is not None, "the edge has its port", 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON_S) == 0
