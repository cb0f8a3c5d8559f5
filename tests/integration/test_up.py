"""``dcep up`` in a terminal: a service that dies is started again, and no second one comes in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.plan import CENTRAL_BANK, load
from sandbox.stack import Stack
from sandbox.world import wait_until
from tests.integration.commands import dcep, run

pytestmark = pytest.mark.xdist_group("up")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A stack's folder and what the ``dcep up`` that runs it has said."""
    folder = tmp_path_factory.mktemp("up") / "stack"
    said = folder.parent / "said.txt"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.cli", "up", "--dir", str(folder)],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
                "COLUMNS": "120",
            },
        )
        try:
            wait_until(lambda: b"Ctrl-C stops everything" in said.read_bytes(), "the stack", 240)
            yield folder, said
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    assert dcep("status", "--dir", str(folder)).code == 1


def test_a_service_that_dies_is_started_again_and_the_others_go_on(
    up: tuple[Path, Path],
) -> None:
    folder, said = up
    before = load(folder).pids
    os.killpg(before["alpha"], signal.SIGKILL)
    wait_until(lambda: load(folder).pids["alpha"] != before["alpha"], "another alpha", 240)
    wait_until(lambda: Stack(load(folder)).healthy("alpha"), "a healthy alpha", 240)
    assert {**load(folder).pids, "alpha": 0} == {**before, "alpha": 0}
    assert "alpha ended; it is started again in 1 s" in said.read_text()


@pytest.mark.parametrize("name", [CENTRAL_BANK, "alpha"])
def test_a_second_service_on_a_database_is_refused_at_its_start(
    up: tuple[Path, Path], name: str
) -> None:
    folder, _ = up
    command = load(folder).command(name)
    done = run(command.module, *command.arguments)
    assert done.code == 2
    assert "another service writes the database" in done.err
    assert "Traceback" not in done.err
    assert Stack(load(folder)).healthy(name)
