"""A commit that no standby has does not count as done, and nobody waits for a server in vain."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from runtime.database import Database, database_at, is_away, open_engine
from runtime.fencing import LEASE_S, Fence
from runtime.one_writer import DatabaseTaken, OneWriter
from runtime.postgresql import Sessions, server_arguments, single_sessions
from runtime.settings import SettingsError
from runtime.standby import LOOK_S, Need, Standby
from tests.refusals import refused_for

WAIT_S = 20.0


class Waiting:
    """A commit in a thread of its own, and what became of it."""

    def __init__(self, database: Database, number: int) -> None:
        self.error: BaseException | None = None
        self._work = lambda c: c.execute(text("INSERT INTO paid VALUES (:n)"), {"n": number})
        self._database = database
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def join(self) -> BaseException | None:
        """Waits for the end; returns what was raised."""
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "it still waits"
        return self.error

    def _run(self) -> None:
        try:
            self._database.transaction(self._work)
        except BaseException as error:
            self.error = error


def eventually(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


@pytest.fixture
def url(server_database_url: str) -> str:
    """A database on a server, with a table."""
    engine = open_engine(server_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE paid (number INTEGER)"))
    engine.dispose()
    return server_database_url


@pytest.fixture
def standby_named(url: str) -> Iterator[Callable[[str], None]]:
    """Has the server's commits wait for a standby of a name; there is none."""
    look = single_sessions(database_at(url))

    def name(standby: str) -> None:
        with look.connect() as connection:
            connection.execute(text(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'"))
            connection.execute(text("SELECT pg_reload_conf()"))
        eventually(lambda: shown() == standby)

    def shown() -> str:
        with look.connect() as connection:
            return str(connection.execute(text("SHOW synchronous_standby_names")).scalar_one())

    yield name
    name("")


def rows(url: str) -> list[int]:
    with single_sessions(database_at(url)).connect() as connection:
        return list(connection.execute(text("SELECT number FROM paid ORDER BY 1")).scalars())


def signal_waiting(url: str, function: str) -> None:
    """Cancels or ends, as an administrator might, what waits for a standby."""
    query = f"SELECT {function}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with single_sessions(database_at(url)).connect() as connection:
        assert connection.execute(text(query)).scalars().all() == [True]


@pytest.mark.parametrize("function", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_commit_that_nobody_waits_for_any_more_is_of_unknown_outcome(
    url: str, standby_named: Callable[[str], None], function: str
) -> None:
    sessions = Sessions(database_at(url))
    database = Database(open_engine(url, sessions))
    standby_named("nobody")
    waiting = Waiting(database, 1)
    eventually(lambda: sessions.waiting() == (1, 1))
    signal_waiting(url, function)
    error = waiting.join()
    assert error is not None and is_away(error)
    # It is there all the same, and the engine works on.
    assert rows(url) == [1]
    standby_named("")
    database.transaction(lambda c: c.execute(text("INSERT INTO paid VALUES (2)")))
    assert rows(url) == [1, 2]


def test_who_waits_at_a_server_that_hangs_can_be_woken(
    url: str, standby_named: Callable[[str], None]
) -> None:
    sessions = Sessions(database_at(url))
    database = Database(open_engine(url, sessions))
    standby_named("nobody")
    waiting = Waiting(database, 1)
    eventually(lambda: sessions.waiting() == (1, 1))
    sessions.cut()
    error = waiting.join()
    assert error is not None and is_away(error)
    standby_named("")
    database.transaction(lambda c: c.execute(text("INSERT INTO paid VALUES (2)")))
    # A connection that was cut before is not cut, or counted, once more.
    sessions.cut()
    database.transaction(lambda c: c.execute(text("INSERT INTO paid VALUES (3)")))
    assert rows(url)[-2:] == [2, 3]


def test_sessions_of_others_are_neither_counted_nor_cut(url: str) -> None:
    sessions, others = Sessions(database_at(url)), Sessions(database_at(url))
    mine, theirs = open_engine(url, sessions), open_engine(url, others)
    with mine.begin() as one, theirs.connect() as two:
        one.execute(text("SELECT 1"))
        two.execute(text("SELECT 1"))
        assert sessions.waiting() == others.waiting() == (1, 0)
        others.cut()
        one.execute(text("SELECT 1"))
        with pytest.raises(OperationalError):
            two.execute(text("SELECT 1"))


def test_only_a_server_that_can_be_written_is_connected_to(url: str) -> None:
    standby = database_at(url).update_query_dict({"options": "-c default_transaction_read_only=on"})
    with (
        pytest.raises(OperationalError, match="read-only") as refused,
        open_engine(standby.render_as_string(hide_password=False)).connect(),
    ):
        pass
    assert is_away(refused.value)


def test_what_a_url_says_itself_is_left_alone() -> None:
    said = database_at("postgresql://user@host/name?connect_timeout=9&tcp_user_timeout=1")
    arguments = server_arguments(said)
    assert "connect_timeout" not in arguments and "tcp_user_timeout" not in arguments
    assert arguments["target_session_attrs"] == "read-write"


def test_durability_is_no_wish_of_the_url() -> None:
    said = database_at("postgresql://user@host/name?options=-csearch_path%3Dx")
    options = str(server_arguments(said)["options"])
    assert options.startswith("-csearch_path=x -c synchronous_commit=on")
    assert "client_min_messages=notice" in options


def test_a_connection_to_another_primary_ends_those_to_the_one_before(
    url: str, tmp_path: Path
) -> None:
    where = database_at(url)
    moved = tmp_path / "s"
    moved.symlink_to(str(where.query["host"]))
    elsewhere = where.update_query_dict({"host": str(moved)})
    sessions = Sessions(where)
    before = open_engine(url, sessions).connect()
    before.execute(text("SELECT 1"))
    after = open_engine(elsewhere.render_as_string(hide_password=False), sessions).connect()
    with pytest.raises(OperationalError):
        before.execute(text("SELECT 1"))
    after.execute(text("SELECT 1"))
    after.close()


def test_a_connection_that_was_closed_leaves_nothing_open(url: str) -> None:
    sessions = Sessions(database_at(url))
    engine = open_engine(url, sessions)

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    gc.collect()
    gc.disable()
    try:
        before = descriptors()
        for _ in range(20):
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
            engine.dispose()
        assert descriptors() <= before + 1
    finally:
        gc.enable()


class Told:
    """What a service says on standard error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self) -> str:
        return self._capsys.readouterr().err


class Clock:
    """Seconds that pass when a test says so."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def watched(url: str, clock: Clock, need: Need) -> tuple[Standby, Fence, Sessions]:
    sessions = Sessions(database_at(url))
    fence = Fence(open_engine(url, sessions), now=clock, sleep=lambda _: None)
    return Standby("bank", sessions, fence, need, now=clock), fence, sessions


def test_a_required_standby_that_the_server_does_not_wait_for_stops_the_service(
    url: str, standby_named: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    clock, told = Clock(), Told(capsys)
    standby, _, _ = watched(url, clock, Need.REQUIRED)
    # Before anybody has looked, nobody knows.
    assert refused_for(standby.check) == "NOT_SERVING"
    standby.step()
    assert refused_for(standby.check) == "NOT_SERVING"
    assert "nobody is served" in told()
    clock.now += LOOK_S
    standby.step()
    assert told() == "", "it is said once"
    standby_named("somebody")
    clock.now += LOOK_S
    standby.step()
    standby.check()
    assert "are on a standby as well" in told()


def test_a_standby_that_is_only_wished_for_is_missed_aloud(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Told(capsys)
    standby, _, _ = watched(url, Clock(), Need.WARN)
    standby.step()
    standby.check()
    assert "payments go on all the same" in told()


def test_a_wait_for_a_standby_is_told_and_not_broken_off(
    url: str, standby_named: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    clock, told = Clock(), Told(capsys)
    standby, fence, sessions = watched(url, clock, Need.NONE)
    standby_named("nobody")
    renewing = threading.Thread(target=fence.renew)
    renewing.start()
    eventually(lambda: sessions.waiting() == (1, 1))
    standby.step()
    assert told() == "", "the lease still runs"
    clock.now += LEASE_S
    standby.step()
    assert "commits wait for a standby" in told()
    assert refused_for(fence.check) == "NOT_SERVING"
    assert sessions.waiting() == (1, 1)
    standby_named("")
    renewing.join(WAIT_S)
    assert not renewing.is_alive()


def test_who_waits_where_nobody_works_for_him_is_woken(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server that answers as primary knows nothing of the sessions that are waited for."""
    clock, told = Clock(), Told(capsys)
    standby, _, sessions = watched(url, clock, Need.NONE)
    with open_engine(url, sessions).connect() as connection:
        connection.execute(text("SELECT 1"))
        connection.commit()
        clock.now += LEASE_S
        standby.step()
        assert "has another primary" in told()
        with pytest.raises(OperationalError):
            connection.execute(text("SELECT 1"))
        connection.invalidate()


def test_a_service_that_is_to_end_waits_for_no_standby(
    url: str, standby_named: Callable[[str], None]
) -> None:
    clock = Clock()
    standby, _, sessions = watched(url, clock, Need.NONE)
    standby_named("nobody")
    waiting = Waiting(Database(open_engine(url, sessions)), 1)
    eventually(lambda: sessions.waiting() == (1, 1))
    standby.end_waiting()
    standby.step()
    assert sessions.waiting() == (1, 1), "commits come through, as far as anybody knows"
    clock.now += LEASE_S
    standby.step()
    error = waiting.join()
    assert error is not None and is_away(error)


def test_the_right_to_write_is_taken_again_where_its_session_was_cut(url: str) -> None:
    sessions = Sessions(database_at(url))
    writer = OneWriter(url, sessions=sessions)
    sessions.cut()
    eventually(lambda: _has_right(writer))
    with pytest.raises(DatabaseTaken):
        OneWriter(url, patience_s=0)
    writer.release()


def _has_right(writer: OneWriter) -> bool:
    try:
        return not writer.step()
    except DatabaseTaken:  # the server has not yet noticed that the session ended
        return False


def test_a_primary_that_is_away_is_told_of_and_looked_for_again(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clock, told = Clock(), Told(capsys)
    away = Sessions(database_at("postgresql://user@127.0.0.1:1/nothing"))
    fence = Fence(open_engine(url), now=clock, sleep=lambda _: None)
    standby = Standby("bank", away, fence, Need.NONE, now=clock)
    clock.now += LEASE_S
    standby.step()
    assert "primary does not answer" in told()


def test_the_setting_is_one_of_three_words() -> None:
    assert [Need.read(word) for word in ("none", "warn", "required")] == list(Need)
    with pytest.raises(SettingsError, match="none, warn, required"):
        Need.read("yes")
