"""Who starts a service again that ends, where several commands look after one stack."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployment.another_stack import AnotherStack
from deployment.processes import ServiceCommand
from deployment.topology import StackPlan, draw, load
from sandbox.stack import care
from sandbox.stack.supervisor import Stack
from sandbox.stack.watch import Watch, watched


@dataclass
class Process:
    lives: bool = True

    def alive(self) -> bool:
        return self.lives

    def log_tail(self) -> str:
        return "the last word"


@dataclass
class System:
    """What two commands see: who runs."""

    folder: Path
    processes: dict[str, Process] = field(default_factory=lambda: {"central-bank": Process()})
    starts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    refusal: Exception = field(default_factory=lambda: AnotherStack("nobody asked"))


class Seen:
    """A stack as one command sees it."""

    def __init__(self, system: System, name: str, *, started: bool) -> None:
        self.system, self.name = system, name
        self.plan = SimpleNamespace(folder=system.folder, logs=system.folder / "logs")
        self.running = dict(system.processes)
        self.started = set(self.running) if started else set()

    def start(self, name: str) -> None:
        if name in self.system.refusals:
            self.system.refusals.remove(name)
            raise self.system.refusal
        self.system.starts.append(self.name)
        self.running[name] = self.system.processes[name] = Process()
        self.started.add(name)

    def attach(self) -> list[str]:
        found = {
            name: process
            for name, process in self.system.processes.items()
            if not self.running.get(name, Process(lives=False)).alive() and process.alive()
        }
        self.running.update(found)
        self.started.difference_update(found)
        return list(found)

    def was_stopped(self, name: str) -> bool:
        return name not in self.system.processes

    def forget(self, name: str) -> None:
        self.running.pop(name)
        self.started.discard(name)

    leave_running = Stack.leave_running


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    for name in ("WATCH_POLL_S", "FIRST_PAUSE_S", "STEADY_S"):
        monkeypatch.setattr(care, name, 0.01)
    return System(tmp_path)


class Up:
    """A ``dcep up`` that looks after a stack, until it ends."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.said = seen, cast(list[str], [])
        self._ended = threading.Event()
        arguments = (cast(Stack, seen), self._ended, self.said.append)
        self._thread = threading.Thread(target=care.look_after, args=arguments)
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


def test_an_attached_up_starts_again_what_a_command_started_that_is_gone(system: System) -> None:
    """As a ``dcep up --detach`` whose watcher was killed."""
    up = Up(Seen(system, "attached", started=False))
    system.processes["central-bank"].lives = False
    until(lambda: system.starts)
    until(lambda: "central-bank is started again" in up.said)
    up.end()
    assert system.starts == ["attached"] and system.processes["central-bank"].alive()
    assert up.seen.started == set(), "Ctrl-C leaves it running"


def test_of_two_one_starts_it_again_and_the_other_sees_it(system: System) -> None:
    first = Up(Seen(system, "first", started=True))
    until(lambda: (system.folder / "logs" / "central-bank.watched").exists())
    second = Up(Seen(system, "second", started=False))
    system.processes["central-bank"].lives = False
    until(lambda: "central-bank was started by another command" in second.said)
    assert "central-bank ended; another `dcep up` starts it again" in second.said
    first.end()
    assert first.seen.started == {"central-bank"}
    system.processes["central-bank"].lives = False
    until(lambda: "central-bank is started again" in second.said)
    second.end()
    assert system.starts == ["first", "second"]


def test_who_has_no_right_to_start_it_takes_the_right_when_the_other_ends_first(
    system: System,
) -> None:
    """As with Ctrl-C in the pause before it is started again."""
    other = Watch(system.folder / "logs")
    assert other.has("central-bank")
    up = Up(Seen(system, "second", started=False))
    system.processes["central-bank"].lives = False
    until(lambda: up.said)
    other.end()
    until(lambda: "central-bank is started again" in up.said)
    up.end()
    assert up.said[0] == "central-bank ended; another `dcep up` starts it again"
    assert up.said.count(up.said[0]) == 1
    assert system.starts == ["second"]


@pytest.mark.parametrize(
    "refusal",
    [
        AnotherStack("something else answers [there]."),
        OSError("no space left [there]."),
    ],
)
def test_a_service_that_cannot_be_started_is_tried_again_and_the_others_go_on(
    system: System, refusal: Exception
) -> None:
    system.refusal = refusal
    system.processes["alpha"] = Process()
    system.refusals += ["central-bank"] * 2
    up = Up(Seen(system, "first", started=True))
    for process in list(system.processes.values()):
        process.lives = False
    until(lambda: "alpha is started again" in up.said)
    until(lambda: "central-bank is started again" in up.said)
    up.end()
    refused = [said for said in up.said if said.startswith("central-bank is not started")]
    assert len(refused) == 2
    assert f"tried again in 0 s. {refusal}" in refused[0]
    assert sorted(up.seen.started) == ["alpha", "central-bank"]


def test_what_is_stopped_on_purpose_is_started_again_by_nobody(system: System) -> None:
    up = Up(Seen(system, "attached", started=False))
    system.processes.pop("central-bank").lives = False
    until(lambda: "central-bank was stopped" in up.said)
    up.end()
    assert system.starts == []


def test_the_right_ends_with_who_has_it(tmp_path: Path) -> None:
    first, second = Watch(tmp_path), Watch(tmp_path)
    assert first.has("alpha") and first.has("alpha")
    assert not second.has("alpha") and second.has("beta")
    first.end()
    assert second.has("alpha")
    second.end()


@pytest.fixture
def sleepers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a stack whose services only sleep."""

    def sleeper(plan: StackPlan, name: str) -> ServiceCommand:
        lines = ("import time", "time.sleep(600)", repr(name))
        return ServiceCommand(
            name, "timeit", ("-n1", "-r1", *lines), plan.folder / "logs" / f"{name}.log"
        )

    monkeypatch.setattr(StackPlan, "command", sleeper)
    draw(tmp_path, ["alpha"], {}).save()
    yield tmp_path
    Stack(load(tmp_path)).down()


def test_somebody_sees_who_has_nobody(tmp_path: Path) -> None:
    assert not watched(tmp_path, "alpha"), "nobody ever looked after it"
    watch = Watch(tmp_path)
    assert watch.has("alpha")
    assert watched(tmp_path, "alpha")
    watch.end()
    assert not watched(tmp_path, "alpha") and watch.has("alpha")
    watch.end()


def dies(stack: Stack, name: str) -> None:
    process = stack.running[name]
    os.killpg(process.pid, signal.SIGKILL)
    until(lambda: not process.alive())


def test_what_another_command_started_in_the_pause_is_not_started_twice(sleepers: Path) -> None:
    first = Stack(load(sleepers))
    first.start("alpha")
    dies(first, "alpha")
    second = Stack(load(sleepers))
    theirs = second.start("alpha")
    assert first.start("alpha").pid == theirs.pid == load(sleepers).pids["alpha"]
    assert first.down(first.started) == [] and theirs.alive(), "it is the second's"
    assert Stack(load(sleepers)).down() == ["alpha"]
    until(lambda: not theirs.alive())


def test_who_comes_after_a_service_has_ended_knows_that_it_is_to_run(sleepers: Path) -> None:
    first = Stack(load(sleepers))
    first.start("alpha")
    dies(first, "alpha")
    second = Stack(load(sleepers))
    assert second.running == {}
    second.expect_all()
    assert not second.running["alpha"].alive()
    assert second.start("alpha").alive()


def test_in_place_of_what_died_the_one_is_seen_that_another_command_started(
    sleepers: Path,
) -> None:
    first = Stack(load(sleepers))
    first.start("alpha")
    assert first.attach() == []
    dies(first, "alpha")
    theirs = Stack(load(sleepers)).start("alpha")
    assert first.attach() == ["alpha"]
    assert (first.running["alpha"].pid, first.started) == (theirs.pid, set())


def test_ctrl_c_leaves_what_another_command_started_in_place_of_ours(sleepers: Path) -> None:
    first = Stack(load(sleepers))
    first.start("alpha")
    dies(first, "alpha")
    theirs = Stack(load(sleepers)).start("alpha")
    assert first.down(first.started) == []
    assert theirs.alive() and load(sleepers).pids == {"alpha": theirs.pid}


def test_of_commands_that_start_a_service_at_one_time_one_does(sleepers: Path) -> None:
    stacks = [Stack(load(sleepers)) for _ in range(4)]
    together = threading.Barrier(len(stacks))

    def start(stack: Stack) -> None:
        together.wait(10)
        stack.start("alpha")

    threads = [threading.Thread(target=start, args=(stack,)) for stack in stacks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {stack.running["alpha"].pid for stack in stacks} == {load(sleepers).pids["alpha"]}
    assert sorted(len(stack.started) for stack in stacks) == [0, 0, 0, 1]


def test_what_is_down_when_all_is_stopped_counts_as_stopped_on_purpose(sleepers: Path) -> None:
    first = Stack(load(sleepers))
    for name in first.names:
        first.start(name)
    dies(first, "alpha")
    assert not first.was_stopped("alpha")
    Stack(load(sleepers)).down()
    assert first.was_stopped("alpha")
