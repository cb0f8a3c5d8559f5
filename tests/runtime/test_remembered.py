"""What is remembered of a database is never older than a change that was made."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from runtime.database import Database, open_engine
from runtime.remembered import Remembered


class Counted:
    """A number in a database; reading it can fail."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(open_engine(f"sqlite:///{folder / 'counted.db'}"))
        self.database.transaction(lambda c: c.execute(text("CREATE TABLE counted (n INT)")))
        self.put("INSERT INTO counted VALUES (1)")
        self.reads = 0
        self.fails = False
        self.remembered = Remembered(self.database, self.read)

    def put(self, statement: str) -> None:
        self.database.transaction(lambda c: c.execute(text(statement)) and None)

    def read(self, connection: Connection) -> int:
        self.reads += 1
        if self.fails:
            raise ConnectionError("the database is away")
        return int(connection.execute(text("SELECT n FROM counted")).scalar_one())


@pytest.fixture
def counted(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


def test_it_is_read_once_and_after_each_change(counted: Counted) -> None:
    assert [counted.remembered.now() for _ in range(3)] == [1, 1, 1]
    with counted.remembered.change():
        counted.put("UPDATE counted SET n = 2")
        assert counted.remembered.now() == 1
    assert [counted.remembered.now() for _ in range(3)] == [2, 2, 2]
    assert counted.reads == 2


def test_a_change_that_was_committed_and_failed_all_the_same_is_seen(counted: Counted) -> None:
    with pytest.raises(ConnectionError, match="last moment"), counted.remembered.change():
        counted.put("UPDATE counted SET n = 2")
        raise ConnectionError("gone in the last moment")
    assert counted.remembered.now() == 2


def test_nothing_is_told_while_it_cannot_be_read_after_a_change(counted: Counted) -> None:
    counted.fails = True
    with pytest.raises(ConnectionError, match="away"), counted.remembered.change():
        counted.put("UPDATE counted SET n = 2")
    with pytest.raises(ConnectionError, match="away"):
        counted.remembered.now()
    counted.fails = False
    assert counted.remembered.now() == 2
