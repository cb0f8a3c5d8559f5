"""One process at a time writes a service's database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, make_url, text

from runtime import one_writer
from runtime.errors import NoAnswer
from runtime.one_writer import DatabaseAway, DatabaseTaken, OneWriter, may_be_written
from runtime.postgresql import single_sessions
from runtime.settings import SettingsError

HOLDER = """
import sys
from runtime.one_writer import OneWriter
held = OneWriter(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def holder(url: str) -> subprocess.Popen[str]:
    """Another process that has the right."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(entry for entry in sys.path if entry)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_writer_is_refused_until_the_first_is_killed(database_url: str) -> None:
    first = holder(database_url)
    with pytest.raises(DatabaseTaken, match="another service writes the database"):
        OneWriter(database_url, patience_s=0)
    first.kill()
    first.wait()
    OneWriter(database_url).release()


def test_the_right_is_given_back(database_url: str) -> None:
    OneWriter(database_url, patience_s=0).release()
    held = OneWriter(database_url, patience_s=0)
    assert held.step() is False
    held.release()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_memory_has_no_writer(url: str) -> None:
    with pytest.raises(SettingsError, match="names no file"):
        OneWriter(url, patience_s=0)
    with pytest.raises(SettingsError, match="names no file"):
        may_be_written(url)


def end(url: str) -> None:
    """Ends the writer's connection, as a server does that stops."""
    holders = text(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
        " AND granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        assert connection.execute(holders).all() == [(True,)]
    engine.dispose()


def test_a_writer_whose_connection_was_ended_takes_the_right_again_or_learns_who_has_it(
    postgres_url: str,
) -> None:
    held = OneWriter(postgres_url, patience_s=0)
    end(postgres_url)
    assert held.step() is False
    with pytest.raises(DatabaseTaken):
        OneWriter(postgres_url, patience_s=0)
    end(postgres_url)
    second = OneWriter(postgres_url)
    with pytest.raises(DatabaseTaken):
        held.step()
    second.release()


def test_a_server_that_stays_away_for_several_looks_is_no_accident(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = OneWriter(postgres_url, patience_s=0)
    end(postgres_url)
    with monkeypatch.context() as patch:

        def nowhere(url: URL) -> Engine:
            return single_sessions(url.update_query_dict({"host": "/nowhere"}))

        patch.setattr(one_writer, "single_sessions", nowhere)
        for _ in range(3):
            with pytest.raises(NoAnswer, match="the database does not answer"):
                held.step()
    assert held.step() is False
    with pytest.raises(DatabaseTaken):
        OneWriter(postgres_url, patience_s=0)
    held.release()


def test_a_server_that_is_not_there_is_waited_for_and_then_named_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tries: list[None] = []

    def counted(url: URL) -> Engine:
        tries.append(None)
        return single_sessions(url)

    monkeypatch.setattr(one_writer, "single_sessions", counted)
    monkeypatch.setattr(one_writer, "SERVER_PATIENCE_S", 0.5)
    monkeypatch.setattr(one_writer, "SERVER_PAUSE_S", 0.1)
    with pytest.raises(DatabaseAway, match="the database does not answer: ") as caught:
        OneWriter(f"postgresql://u:secret@/x?host={tmp_path}")  # pragma: allowlist secret
    assert len(tries) > 1 and "secret" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
