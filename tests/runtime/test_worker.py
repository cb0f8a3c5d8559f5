"""The worker: tries again after a missing answer, ends at an accident, stops when told."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.exc import OperationalError

from dcep.errors.v1 import errors_pb2
from runtime import worker
from runtime.errors import NoAnswer, Refusal
from runtime.worker import Worker

FOREVER_S = 60.0


class Script:
    """Steps that do what they are told, and say when they run."""

    def __init__(self, *answers: bool | Exception) -> None:
        self._answers = list(answers)
        self.steps: queue.Queue[int] = queue.Queue()
        self.fatal_errors: queue.Queue[BaseException] = queue.Queue()

    def __call__(self) -> bool:
        self.steps.put(len(self._answers))
        answer = self._answers.pop(0) if self._answers else False
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ran(self, times: int) -> None:
        for _ in range(times):
            self.steps.get(timeout=10)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(worker, "FIRST_PAUSE_S", 0.001)
    workers: list[Worker] = []

    def start(script: Script) -> Worker:
        made = Worker("test", script, idle_s=FOREVER_S, on_fatal_error=script.fatal_errors.put)
        workers.append(made)
        made.start()
        return made

    yield start
    for made in workers:
        made.stop()


Run = Callable[[Script], Worker]


def test_while_there_is_work_it_does_not_wait(run: Run) -> None:
    script = Script(True, True, True, False)
    run(script)
    script.ran(4)


def test_it_sleeps_until_it_is_woken(run: Run) -> None:
    script = Script(False, False)
    made = run(script)
    script.ran(1)
    made.wake()
    script.ran(1)


def test_missing_answers_and_refusals_are_tried_again(run: Run) -> None:
    refusal = Refusal(errors_pb2.REASON_OVERLOADED, "later")
    script = Script(NoAnswer("nobody"), refusal, NoAnswer("nobody"), True)
    run(script)
    script.ran(5)
    assert script.fatal_errors.empty()


def test_an_accident_is_told_once_and_ends_it(run: Run) -> None:
    fatal_error = RuntimeError("broken")
    script = Script(True, fatal_error, True)
    run(script)
    assert script.fatal_errors.get(timeout=10) is fatal_error
    script.ran(2)
    assert script.steps.empty() and script.fatal_errors.empty()


def lost(error: Exception) -> OperationalError:
    """As SQLAlchemy tells of a driver's error."""
    return OperationalError("SELECT 1", {}, error)


def test_a_server_that_went_away_is_tried_again(run: Run) -> None:
    script = Script(
        lost(errors.AdminShutdown("terminating connection")),
        lost(psycopg.OperationalError("connection refused")),
        lost(errors.CannotConnectNow("the database system is starting up")),
        True,
    )
    run(script)
    script.ran(5)
    assert script.fatal_errors.empty()


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("database or disk is full"),
        errors.DiskFull("no space"),
        errors.LockNotAvailable("lock timeout"),
    ],
)
def test_what_else_a_database_will_not_do_is_an_accident(run: Run, error: Exception) -> None:
    script = Script(lost(error), True)
    run(script)
    assert script.fatal_errors.get(timeout=10).orig is error  # type: ignore[attr-defined]


def test_a_server_that_stays_away_is_an_accident(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "DATABASE_PATIENCE_S", 0.0)
    script = Script(lost(psycopg.OperationalError("connection refused")), True)
    run(script)
    assert isinstance(script.fatal_errors.get(timeout=10), OperationalError)


def test_stop_lets_the_running_step_end_and_begins_no_other() -> None:
    entered, release = threading.Event(), threading.Event()
    ended: list[bool] = []

    def step() -> bool:
        entered.set()
        ended.append(release.wait(10))
        return True

    made = Worker("test", step, idle_s=FOREVER_S, on_fatal_error=lambda _: None)
    made.start()
    assert entered.wait(10)
    stopping = threading.Thread(target=made.stop)
    stopping.start()
    release.set()
    stopping.join(10)
    assert not stopping.is_alive() and ended[0]
    before = len(ended)
    made.wake()
    assert len(ended) == before


def test_a_stop_that_comes_as_a_step_begins_is_not_slept_through() -> None:
    made = Worker("test", lambda: False, idle_s=FOREVER_S, on_fatal_error=lambda _: None)

    class ToldToo(threading.Event):
        """Is told to stop right after it was looked at."""

        def is_set(self) -> bool:
            before = super().is_set()
            self.set()
            made.wake()
            return before

    made._stop = ToldToo()
    made.start()
    made._thread.join(10)
    assert not made._thread.is_alive()
