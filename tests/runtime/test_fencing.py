"""Who was taken over from writes nothing any more, and answers for no longer than its lease."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, event, insert, select, text

from runtime.database import Database, open_engine
from runtime.errors import NoAnswer, Refusal
from runtime.fencing import LEASE_S, Fence, Fenced, fencing_table, this_process
from runtime.one_writer import OneWriter
from tests.refusals import refused_for

METADATA = MetaData()
fencing_table(METADATA)
PAID = Table("paid", METADATA, Column("id", Integer, primary_key=True))


class Clock:
    """Time that passes when it is slept, or told to."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    engine = open_engine(database_url)
    METADATA.create_all(engine)
    yield database_url
    engine.dispose()


def opened(url: str, clock: Clock, holder: str | None = None) -> tuple[Database, Fence]:
    """The database as a service of its own opens it."""
    engine = open_engine(url)
    fence = Fence(engine, holder=holder, now=lambda: clock.now, sleep=clock.sleep)
    return Database(engine), fence


def pay(number: int) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(insert(PAID).values(id=number))


def paid(database: Database) -> list[int]:
    return list(database.read(lambda c: c.execute(select(PAID.c.id).order_by(PAID.c.id)).scalars()))


def test_who_was_taken_over_from_writes_nothing_more(url: str, clock: Clock) -> None:
    old, fence = opened(url, clock)
    old.transaction(pay(1))
    new, newer = opened(url, clock)
    assert newer.epoch > fence.epoch
    with pytest.raises(Fenced, match="another service has taken over"):
        old.transaction(pay(2))
    with pytest.raises(Fenced):
        fence.renew()
    new.transaction(pay(3))
    assert paid(new) == [1, 3]
    # A connection that was refused is as good as before, for what only reads.
    assert paid(old) == [1, 3]


def test_the_end_of_one_who_was_taken_over_from_is_not_the_newer_ones(
    url: str, clock: Clock
) -> None:
    _, older = opened(url, clock)
    new, newer = opened(url, clock)
    older.release()
    clock.slept.clear()
    if new.engine.dialect.name == "postgresql":
        opened(url, clock)
        assert clock.slept == [LEASE_S], "the newer one is still there"


def test_a_database_that_was_put_back_gives_no_epoch_a_second_time(url: str, clock: Clock) -> None:
    made, fence = opened(url, clock)
    older_copy = lambda c: c.execute(METADATA.tables["writer_epoch"].update().values(epoch=7))  # noqa: E731
    made.transaction(older_copy)
    with pytest.raises(Fenced):
        made.transaction(pay(1))
    _, newer = opened(url, clock)
    assert newer.epoch > fence.epoch


def test_a_transaction_that_is_under_way_is_waited_for(url: str, clock: Clock) -> None:
    old, _ = opened(url, clock)
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def slowly(connection: Connection) -> None:
        connection.execute(insert(PAID).values(id=1))
        begun.set()
        assert go_on.wait(20)

    seen: list[list[int]] = []

    def take_over() -> None:
        new, _ = opened(url, clock)
        seen.append(paid(new))
        over.set()

    writer = threading.Thread(target=old.transaction, args=(slowly,))
    writer.start()
    assert begun.wait(20)
    newcomer = threading.Thread(target=take_over)
    newcomer.start()
    assert not over.wait(0.3), "took over in the middle of a transaction"
    go_on.set()
    writer.join(20)
    newcomer.join(20)
    assert seen == [[1]], "what the older one could still commit is read by the newer one"


def test_a_lease_that_is_not_renewed_ends(url: str, clock: Clock) -> None:
    _, fence = opened(url, clock)
    clock.now += LEASE_S - 0.001
    fence.check()
    fence.renew()
    clock.now += LEASE_S - 0.001
    fence.check()
    clock.now += 0.001
    if url.startswith("sqlite"):
        fence.check()  # who has the file's lock has it until its process ends
        return
    assert refused_for(fence.check) == "NOT_SERVING"
    fence.renew()
    fence.check()


def test_a_lease_counts_from_before_it_was_renewed(url: str, clock: Clock) -> None:
    """A process that is paused while it waits for the database must not believe itself young."""
    if url.startswith("sqlite"):
        pytest.skip("there is no lease on a file")
    made, fence = opened(url, clock)
    event.listen(made.engine, "commit", lambda _: clock.sleep(LEASE_S))
    fence.renew()
    with pytest.raises(Refusal):
        fence.check()


def test_one_that_has_ended_is_not_waited_for(url: str, clock: Clock) -> None:
    _, fence = opened(url, clock)
    fence.release()
    opened(url, clock)
    assert not clock.slept


KILLED = """
import os, signal, sys
from runtime.database import open_engine
from runtime.fencing import Fence
Fence(open_engine(sys.argv[1]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_one_that_was_killed_here_is_not_waited_for(url: str, clock: Clock) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, url],
        env={"PYTHONPATH": ":".join(entry for entry in sys.path if entry)},
        timeout=60,
    )
    assert done.returncode == -9
    opened(url, clock)
    assert not clock.slept


def test_one_that_may_be_alive_is_waited_for(url: str, clock: Clock) -> None:
    if url.startswith("sqlite"):
        pytest.skip("there is no lease on a file")
    opened(url, clock)
    opened(url, clock)
    assert clock.slept == [LEASE_S], "it is this process, which is alive"
    clock.slept.clear()
    opened(url, clock, "another-machine pid:[1] 17 4711")
    clock.slept.clear()
    opened(url, clock)
    assert clock.slept == [LEASE_S], "nobody here can tell whether it is"


@pytest.mark.parametrize("hidden", [FileNotFoundError, PermissionError])
def test_one_that_the_system_hides_is_waited_for_until_it_is_gone(
    url: str, clock: Clock, hidden: type[OSError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mounted with hidepid, /proc shows nothing of processes of other users."""
    if url.startswith("sqlite"):
        pytest.skip("there is no lease on a file")
    other = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    boot, namespace, _, began = this_process().split(" ")
    read = Path.read_text

    def hides(path: Path, *rest: str) -> str:
        if path.is_relative_to(f"/proc/{other.pid}"):
            raise hidden
        return read(path, *rest)

    monkeypatch.setattr(Path, "read_text", hides)
    holder = f"{boot} {namespace} {other.pid} {began}"
    opened(url, clock, holder)
    opened(url, clock, holder)
    assert clock.slept == [LEASE_S]
    other.communicate(timeout=60)
    clock.slept.clear()
    opened(url, clock)
    assert not clock.slept


def test_a_database_that_is_away_is_no_end(postgres_url: str, clock: Clock) -> None:
    engine = open_engine(postgres_url)
    METADATA.create_all(engine)
    fence = Fence(engine, now=lambda: clock.now, sleep=clock.sleep)
    try:
        away = engine.url.update_query_dict({"host": "/nowhere"})
        engine.dispose()
        engine.pool = open_engine(away.render_as_string(hide_password=False)).pool
        with pytest.raises(NoAnswer, match="the database does not answer"):
            fence.renew()
    finally:
        METADATA.drop_all(open_engine(postgres_url))


def test_the_epoch_is_looked_at_after_the_lock_whatever_isolation_is_the_default(
    database_url: str,
) -> None:
    """A snapshot from before the lock would show whoever was taken over from the old epoch."""
    engine = open_engine(database_url)
    if engine.dialect.name != "postgresql":
        pytest.skip("one writer at a time, by a file's lock")
    with engine.begin() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(
            text(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
        )
    engine.dispose()
    with engine.begin() as connection:
        shown = connection.execute(text("SHOW default_transaction_isolation")).scalar_one()
        its_own = connection.execute(text("SHOW transaction_isolation")).scalar_one()
    engine.dispose()
    assert (shown, its_own) == ("serializable", "read committed")


def test_who_was_paused_inside_a_transaction_is_taken_over_from(url: str, clock: Clock) -> None:
    """Its transaction is ended: nothing of it was committed, and so nothing acknowledged."""
    if not url.startswith("postgresql"):
        pytest.skip("one writer at a time, by a file's lock")
    right = OneWriter(url)
    old, _ = opened(url, clock)
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()
    ended: list[BaseException] = []

    def paused(connection: Connection) -> None:
        pay(1)(connection)
        begun.set()
        go_on.wait(60)

    def write() -> None:
        try:
            old.transaction(paused)
        except Exception as error:  # noqa: BLE001  # whichever way a lost session is told
            ended.append(error)

    def take_over() -> None:
        newer = OneWriter(url, patience_s=0.0, take_over=True)
        opened(url, clock)
        over.set()
        newer.release()

    writing = threading.Thread(target=write, daemon=True)
    taking = threading.Thread(target=take_over, daemon=True)
    writing.start()
    assert begun.wait(30)
    taking.start()
    assert over.wait(60), "nobody waits for a transaction that hangs"
    go_on.set()
    writing.join(60)
    taking.join(60)
    assert len(ended) == 1
    assert paid(Database(open_engine(url))) == []
    right.release()
