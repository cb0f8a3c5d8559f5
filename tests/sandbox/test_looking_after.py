"""Who starts a service again that ends, where several commands look after one stack."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from console.output import Speaker
from sandbox.cli import stack as command
from sandbox.stack.supervisor import Stack
from sandbox.stack.watch import Watch


@dataclass
class Process:
    lives: bool = True

    def alive(self) -> bool:
        return self.lives

    def log_tail(self) -> str:
        return "the last word"


@dataclass
class World:
    """What two commands see: who runs."""

    folder: Path
    processes: dict[str, Process] = field(default_factory=lambda: {"central-bank": Process()})
    starts: list[str] = field(default_factory=list)


class Seen:
    """A stack as one command sees it."""

    def __init__(self, world: World, name: str, *, started: bool) -> None:
        self.world, self.name = world, name
        self.plan = SimpleNamespace(folder=world.folder)
        self.running = dict(world.processes)
        self.started = set(self.running) if started else set()

    def start(self, name: str) -> None:
        self.world.starts.append(self.name)
        self.running[name] = self.world.processes[name] = Process()
        self.started.add(name)

    def attach(self) -> list[str]:
        found = {
            name: process
            for name, process in self.world.processes.items()
            if name not in self.running and process.alive()
        }
        self.running.update(found)
        return list(found)

    def was_stopped(self, name: str) -> bool:
        return name not in self.world.processes

    def forget(self, name: str) -> None:
        self.running.pop(name)
        self.started.discard(name)

    leave_running = Stack.leave_running


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in ("WATCH_POLL_S", "FIRST_PAUSE_S", "STEADY_S"):
        monkeypatch.setattr(command, name, 0.01)
    return World(tmp_path)


class Up:
    """A ``dcep up`` that looks after a stack, until it ends."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.said = seen, cast(list[str], [])
        self._ended = threading.Event()
        speaker = cast(Speaker, SimpleNamespace(say=self.said.append))
        arguments = (cast(Stack, seen), self._ended, speaker)
        self._thread = threading.Thread(target=command.look_after, args=arguments)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(10)


def until(what: Callable[[], Any]) -> None:
    waiting = threading.Event()
    for _turn in range(1_000):
        if what():
            return
        waiting.wait(0.01)
    pytest.fail("it does not come")


def test_an_attached_up_starts_again_what_a_command_started_that_is_gone(world: World) -> None:
    """As ``dcep up --detach`` is."""
    up = Up(Seen(world, "attached", started=False))
    world.processes["central-bank"].lives = False
    until(lambda: world.starts)
    until(lambda: "central-bank is started again" in up.said)
    up.end()
    assert world.starts == ["attached"] and world.processes["central-bank"].alive()
    assert up.seen.started == set(), "Ctrl-C leaves it running"


def test_of_two_one_starts_it_again_and_the_other_sees_it(world: World) -> None:
    first = Up(Seen(world, "first", started=True))
    until(lambda: (world.folder / "logs" / "central-bank.watched").exists())
    second = Up(Seen(world, "second", started=False))
    world.processes["central-bank"].lives = False
    until(lambda: "central-bank was started by another command" in second.said)
    assert "central-bank ended; another `dcep up` starts it again" in second.said
    first.end()
    assert first.seen.started == {"central-bank"}
    world.processes["central-bank"].lives = False
    until(lambda: "central-bank is started again" in second.said)
    second.end()
    assert world.starts == ["first", "second"]


def test_what_is_stopped_on_purpose_is_started_again_by_nobody(world: World) -> None:
    up = Up(Seen(world, "attached", started=False))
    world.processes.pop("central-bank").lives = False
    until(lambda: "central-bank was stopped" in up.said)
    up.end()
    assert world.starts == []


def test_the_right_ends_with_who_has_it(tmp_path: Path) -> None:
    first, second = Watch(tmp_path), Watch(tmp_path)
    assert first.has("alpha") and first.has("alpha")
    assert not second.has("alpha") and second.has("beta")
    first.end()
    assert second.has("alpha")
    second.end()
