"""The plug is pulled under load: nobody is told anything that a restart would not say again."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.pool import PoolProxiedConnection

from settlement.core import Answers, Batch, CoreStopped
from settlement.records import Result
from settlement.writer import GroupCommitWriter
from tests.settlement.books import ALICE, BOB, fresh, many, system, transfer
from tests.settlement.payers import PATIENCE_S, kept, pay_until_stopped


class _SlowQueue(queue.Queue[Any]):
    """A queue whose next entry comes in only when the core has stopped."""

    def __init__(self, stopped: threading.Event) -> None:
        super().__init__()
        self.reached, self._stopped = threading.Event(), stopped

    def put_nowait(self, item: Any) -> None:
        self.reached.set()
        self._stopped.wait(1.0)
        super().put_nowait(item)


def break_commit(engine: Engine, number: int, *, written: bool) -> None:
    """Lets the writer's commit of this number end with an error, before or after it was made."""
    commit, count = engine.dialect.do_commit, iter(range(1, 1 << 30))
    driver = engine.dialect.dbapi
    assert driver is not None

    def failing(dbapi_connection: PoolProxiedConnection) -> None:
        if threading.current_thread().name != "settlement-writer" or next(count) != number:
            commit(dbapi_connection)
            return
        time.sleep(0.05)  # in which others come and wait
        if written:
            commit(dbapi_connection)
        raise driver.OperationalError("disk I/O error")

    engine.dialect.do_commit = failing  # type: ignore[method-assign]


@pytest.mark.parametrize("written", [False, True], ids=["not written", "written all the same"])
def test_after_an_error_of_the_commit_only_a_restart_knows(
    database_url: str, written: bool
) -> None:
    engine, tables = fresh(database_url)
    system(engine, tables)
    outcomes = pay_until_stopped(
        engine,
        tables,
        lambda _: break_commit(engine, number=12, written=written),
        reason="disk I/O error",
    )
    engine.dispose()
    unknown = kept(database_url, outcomes)
    assert any(unknown) == written
    assert not all(unknown)


def test_what_is_handed_over_while_the_core_stops_is_answered_too(tmp_path: Path) -> None:
    engine, tables = fresh(f"sqlite:///{tmp_path}/test.db")
    core = system(engine, tables).core
    over, gate = threading.Event(), threading.Event()
    writer = GroupCommitWriter(core, on_stopped=lambda _: over.set())

    def fail(connection: Connection, answers: Answers) -> None:
        gate.wait(PATIENCE_S)
        raise OSError("no space left on device")

    failing = writer.submit_later(Batch(transfer(ALICE, BOB, 1, 1), None, fail))
    slow = writer._queue = _SlowQueue(over)
    late: list[Future[Answers]] = []
    sender = threading.Thread(
        target=lambda: late.append(writer.submit_later(many(transfer(ALICE, BOB, 1, 2))))
    )
    sender.start()
    assert slow.reached.wait(PATIENCE_S)
    gate.set()
    sender.join(PATIENCE_S)
    for future in (failing, *late):
        with pytest.raises(CoreStopped):
            future.result(PATIENCE_S)


def test_a_sender_who_gave_up_stops_nobody(tmp_path: Path) -> None:
    engine, tables = fresh(f"sqlite:///{tmp_path}/test.db")
    books = system(engine, tables)
    gate = threading.Event()
    writer = GroupCommitWriter(books.core, on_stopped=lambda _: None)

    def wait(connection: Connection, answers: Answers) -> None:
        gate.wait(PATIENCE_S)

    writer.submit_later(Batch(transfer(ALICE, BOB, 1, 1), None, wait))
    given_up = writer.submit_later(many(transfer(ALICE, BOB, 1, 2)))
    given_up.cancel()
    gate.set()
    after = writer.submit_later(many(transfer(ALICE, BOB, 1, 3)))
    assert after.result(PATIENCE_S).result(0) == Result.ACCEPTED
    assert books.history.find(ALICE, 2) is not None, "what was handed over is decided"
    writer.stop()


def test_a_question_that_cannot_be_answered_stops_nobody(tmp_path: Path) -> None:
    books = system(*fresh(f"sqlite:///{tmp_path}/test.db"))
    writer = GroupCommitWriter(books.core, on_stopped=lambda _: None)
    ended: list[Exception] = []

    def ask() -> None:
        try:
            writer.read([1 << 70])
        except OverflowError as error:
            ended.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE_S)
    assert ended
    after = writer.submit_later(many(transfer(ALICE, BOB, 1, 1)))
    assert after.result(PATIENCE_S).result(0) == Result.ACCEPTED
    writer.stop()
