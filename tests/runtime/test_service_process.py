"""A service that starts: nobody else writes its database any more when it begins to migrate."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, inspect, text

from runtime import service_process
from runtime.database import Database, OtherSchema, _alembic, migrate_database, open_engine
from runtime.fencing import FENCING_TABLE, LEASE_S, Fence, Fenced
from runtime.one_writer import DatabaseAway, DatabaseTaken, OneWriter
from runtime.service_process import ServiceProcess
from runtime.settings import SettingsError

SERVICE = "operator_bank"
BEFORE_THE_EPOCH, OLDER = "0025", "0030"


@pytest.fixture(autouse=True)
def signals_and_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts the signals back, and lets no lease be waited for."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(service_process, "Fence", _no_sleep)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _no_sleep(engine: Engine) -> Fence:
    return Fence(engine, sleep=lambda _: None)


def starts(url: str, *, migrate: bool = True) -> ServiceProcess:
    return ServiceProcess(SERVICE, url, migrate=migrate, take_over=True)


def write(engine: Engine) -> None:
    """A line that no migration has anything to do with."""
    Database(engine).transaction(
        lambda c: c.execute(text("UPDATE writer_epoch SET renewals = renewals + 1"))
    )


def migrating(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]) -> None:
    """Has something done when a service begins to migrate."""

    def step(engine: Engine, service: str) -> None:
        meanwhile()
        migrate_database(engine, service)

    monkeypatch.setattr(service_process, "migrate_database", step)


def test_who_is_taken_over_from_writes_nothing_while_the_newcomer_migrates(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.upgrade(_alembic(database_url, SERVICE), OLDER)
    old = open_engine(database_url)
    Fence(old)
    write(old)
    seen: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(Fenced):
            write(old)
        seen.append("refused")

    migrating(monkeypatch, meanwhile)
    assert starts(database_url).end() == 0
    assert seen == ["refused"]
    old.dispose()


def test_the_lease_of_who_is_taken_over_from_has_run_out_before_the_newcomer_migrates(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("there is no lease on a file")
    command.upgrade(_alembic(database_url, SERVICE), OLDER)
    Fence(open_engine(database_url), holder="another-machine pid:[1] 17 4711")
    order: list[object] = []
    patient = lambda engine: Fence(engine, sleep=order.append)  # noqa: E731
    monkeypatch.setattr(service_process, "Fence", patient)
    migrating(monkeypatch, lambda: order.append("migrates"))
    assert starts(database_url).end() == 0
    assert order == [LEASE_S, "migrates"]


@pytest.mark.parametrize("revision", ["", BEFORE_THE_EPOCH])
def test_a_database_without_an_epoch_gets_one_before_it_is_migrated(
    revision: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if revision:
        command.upgrade(_alembic(database_url, SERVICE), revision)
    seen: list[int | None] = []
    migrating(monkeypatch, lambda: seen.append(epoch(database_url)))
    process = starts(database_url)
    assert seen == [process.fence.epoch]
    assert process.end() == 0
    assert starts(database_url, migrate=False).end() == 0


def epoch(url: str) -> int | None:
    engine = open_engine(url)
    with engine.connect() as connection:
        found: int | None = connection.execute(text("SELECT epoch FROM writer_epoch")).scalar()
    engine.dispose()
    return found


@pytest.mark.parametrize("revision", [BEFORE_THE_EPOCH, OLDER])
def test_a_migration_that_fails_half_way_leaves_what_the_older_version_can_be_started_on(
    revision: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.upgrade(_alembic(database_url, SERVICE), revision)
    engine = open_engine(database_url)
    before = _tables(engine)

    def fails(engine: Engine, service: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("alembic.op.drop_column", _fail)
            patch.setattr("alembic.op.batch_alter_table", _fail)
            migrate_database(engine, service)

    monkeypatch.setattr(service_process, "migrate_database", fails)
    with pytest.raises(ZeroDivisionError):
        starts(database_url)
    assert _tables(engine) == before | {FENCING_TABLE}
    with engine.connect() as connection:
        at = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    assert at == revision
    Fence(engine, sleep=lambda _: None)
    write(engine)
    engine.dispose()


@pytest.mark.parametrize("fatal", [False, True])
def test_a_database_that_is_away_at_the_end_is_told_and_keeps_nobody_from_ending(
    fatal: bool, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("a file is not away")
    process = starts(database_url)
    process.watch()
    if fatal:
        process.fatal_error(RuntimeError("the books are closed"))
    away = process.engine.url.update_query_dict({"host": "/nowhere"})
    process.engine.dispose()
    process.engine.pool = open_engine(away.render_as_string(hide_password=False)).pool
    with open_engine(database_url).begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    assert process.end() == int(fatal)
    said = capsys.readouterr().err
    assert "could not tell its database that it has ended" in said
    assert ("ended: the books are closed" in said) == fatal
    assert starts(database_url).end() == 0, "the right to write was given back"


def _fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError


def _tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


@pytest.mark.parametrize(("revision", "migrate"), [(OLDER, False), ("9999", True), ("9999", False)])
def test_a_schema_that_cannot_be_served_shuts_nobody_out(
    revision: str, migrate: bool, database_url: str
) -> None:
    command.upgrade(_alembic(database_url, SERVICE), OLDER)
    old = open_engine(database_url)
    with old.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    Fence(old)
    with pytest.raises(OtherSchema, match="newer version" if revision == "9999" else "--migrate"):
        starts(database_url, migrate=migrate)
    write(old)
    old.dispose()


@pytest.mark.parametrize("migrate", [False, True])
def test_a_schema_that_somebody_makes_newer_before_the_fence_is_up_is_not_served(
    migrate: bool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert starts(database_url).end() == 0

    def newer_first(engine: Engine) -> Fence:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        return _no_sleep(engine)

    monkeypatch.setattr(service_process, "Fence", newer_first)
    with pytest.raises(OtherSchema, match="newer version"):
        starts(database_url, migrate=migrate)
    OneWriter(database_url, patience_s=0).release()
    engine = open_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT holder FROM writer_epoch")).scalar_one() == ""
    engine.dispose()


def test_who_is_taken_over_from_while_it_takes_over_is_told(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_engine(database_url)

    def meanwhile() -> None:
        _no_sleep(other)

    migrating(monkeypatch, meanwhile)
    with pytest.raises(DatabaseTaken, match="has taken over"):
        starts(database_url)
    write(other)
    other.dispose()


@pytest.mark.parametrize("when", ["before the fence", "while the lease runs out"])
def test_a_server_that_stops_while_its_database_is_taken_is_away(
    when: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("a file is not away")
    assert starts(database_url).end() == 0
    before = open_engine(database_url)
    Fence(before, holder="another-machine pid:[1] 17 4711", sleep=lambda _: None)
    before.dispose()

    def stopped(engine: Engine) -> None:
        away = engine.url.update_query_dict({"host": "/nowhere"})
        engine.dispose()
        engine.pool = open_engine(away.render_as_string(hide_password=False)).pool

    def fence(engine: Engine) -> Fence:
        if when == "before the fence":
            stopped(engine)
        return Fence(engine, sleep=lambda _: stopped(engine))

    monkeypatch.setattr(service_process, "Fence", fence)
    with pytest.raises(DatabaseAway, match="stopped answering"):
        starts(database_url, migrate=False)
    OneWriter(database_url, patience_s=0).release()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://ann:secret@there/dcep", "'mysql' are not known"),
        ("sqlite+aiosqlite:///x.db", "are not known"),
        ("sqlite+pysqlite:///bank.db", "'sqlite+pysqlite' are not known"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///?timeout=5", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://there/bank.db", "names no file"),
        ("postgres://there/dcep", "'postgres' are not known"),
        ("there/dcep", "no database's URL"),
        ("postgresql://there:secret/dcep", "cannot be read"),
    ],
)
def test_a_database_of_another_kind_is_refused_with_those_that_are_known(
    url: str, said: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        starts(url)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "postgresql://USER" in str(refused.value) or "cannot be read" in said


@pytest.mark.parametrize("path", ["none/bank.db", "", "file/bank.db"])
def test_a_database_for_whose_file_there_is_no_place_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SettingsError, match="cannot be opened"):
        starts(f"sqlite:///{tmp_path / path}")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
