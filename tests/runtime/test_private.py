"""Files and folders that are nobody else's, whatever stood there before and whatever the umask."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from runtime.database import Database, close_database, open_engine
from runtime.private import close_to_others, make_private, write_private
from runtime.settings import SettingsError


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Nothing is taken from the mode of what is made."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_made_or_closed(tmp_path: Path) -> None:
    fresh, there = tmp_path / "a" / "fresh", tmp_path / "there"
    there.mkdir(mode=0o777)
    for folder in (fresh, there):
        make_private(folder)
        assert mode(folder) == 0o700
    assert mode(fresh.parent) == 0o700
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    make_private(shared)
    assert mode(shared) == 0o1777, "a folder for everybody stays one"


def test_a_secret_is_written_where_an_open_file_stood(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"old")
    file.chmod(0o666)
    with file.open("rb") as watched:
        write_private(file, b"secret")
        assert watched.read() == b"old"
    assert (file.read_bytes(), mode(file)) == (b"secret", 0o600)


def test_an_sqlite_database_and_what_lies_beside_it_are_closed(tmp_path: Path) -> None:
    file = tmp_path / "books.db"
    first = sqlite3.connect(file)
    first.execute("pragma journal_mode=wal")
    first.execute("create table t (x)")
    first.commit()
    beside = [tmp_path / f"books.db-{end}" for end in ("wal", "shm")]
    for one in (file, *beside):
        one.chmod(0o666)
    url = f"sqlite:///{file}"
    close_database(url)
    assert [mode(one) for one in (file, *beside)] == [0o600] * 3
    first.close()
    engine = open_engine(url)
    Database(engine).transaction(lambda c: c.execute(text("insert into t values (1)")) and None)
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {
        "books.db": 0o600,
        "books.db-wal": 0o600,
        "books.db-shm": 0o600,
    }
    engine.dispose()


def test_a_new_database_is_closed_before_its_first_byte(tmp_path: Path) -> None:
    close_database(f"sqlite:///{tmp_path / 'new.db'}")
    assert mode(tmp_path / "new.db") == 0o600
    with pytest.raises(SettingsError, match="names no file"):
        close_database("sqlite://")
    close_database("postgresql://nobody@nowhere/none")


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    close_to_others(tmp_path / "none")
    assert not list(tmp_path.iterdir())
