"""A service that does not come up says why: its last words, and where the others are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deployment.processes import ProcessFailed, Running, ServiceCommand
from sandbox.stack.supervisor import Stack, init

QUIET = "import time; time.sleep(600)"
DIES = """
import sys
print('{"event": "listening", "level": "info"}')
print("ValueError: the disk is full", file=sys.stderr)
print('{"event": "no database", "level": "error"}')
print('{"event": "stopped", "level": "info"}')
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(init(tmp_path / "stack"))


def runs(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(ServiceCommand, "argv", [sys.executable, "-c", script])


def test_a_service_that_ends_says_what_it_said_last(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, DIES)
    with pytest.raises(ProcessFailed) as failed:
        stack.up()
    said = str(failed.value).splitlines()
    log = stack.plan.folder / "logs" / "central-bank.log"
    assert said[0] == "central-bank ended:" and said[-1] == f"(the end of {log})"
    assert sorted(said[1:-1]) == [
        "ValueError: the disk is full",
        '{"event": "no database", "level": "error"}',
    ]


def test_a_service_that_hangs_without_a_word_says_where_it_would_speak(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, QUIET)
    stack.start("central-bank")
    with pytest.raises(ProcessFailed) as failed:
        stack.await_healthy("central-bank", 0.2)
    log = stack.plan.folder / "logs" / "central-bank.log"
    assert str(failed.value).splitlines() == [
        "central-bank is not healthy after 0 s:",
        f"it has said nothing yet; what it says goes into {log}",
    ]
    stack.kill("central-bank")


def test_a_log_without_a_word_for_people_shows_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "bank.log"
    log.write_text("".join(f'{{"event": {i}, "level": "info"}}\n' for i in range(20)))
    lines = (
        Running(ServiceCommand("bank", "operator_bank", (), log), 0, None).log_tail().splitlines()
    )
    assert (len(lines), lines[0]) == (15, '{"event": 5, "level": "info"}')
    assert lines[-1] == '{"event": 19, "level": "info"}'
