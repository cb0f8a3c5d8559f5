"""Whatever interrupts a start, what was started is known of, and stopped again."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment.processes import Running, ServiceCommand, interrupted_later
from deployment.topology import load
from sandbox.stack.supervisor import Stack, init

NUMBERS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def ctrl_c_interrupts() -> Iterator[None]:
    """As at a terminal; whoever runs the tests in the background may have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_waits_for_the_end_of_what_must_not_be_torn() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupted_later():
        signal.raise_signal(signal.SIGINT)
        done.append("all of it")
    assert done == ["all of it"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_handlers_are_as_they_were() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with pytest.raises(ValueError), interrupted_later():
        raise ValueError
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_a_service_that_was_just_started_when_ctrl_c_came_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Running] = []
    start = Running.start

    def interrupted(command: ServiceCommand, _environment: dict[str, str]) -> Running:
        sleeping = ServiceCommand(command.name, "this", ("sleeps",), command.log)
        monkeypatch.setattr(
            ServiceCommand, "argv", [sys.executable, "-c", "import time; time.sleep(600)"]
        )
        begun.append(start(sleeping))
        os.kill(os.getpid(), signal.SIGINT)
        return begun[-1]

    stack = Stack(init(tmp_path / "stack"))
    monkeypatch.setattr(Running, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stack.up()
    assert len(begun) == 1 and not begun[0].alive()
    assert (stack.running, load(stack.plan.folder).pids) == ({}, {})
