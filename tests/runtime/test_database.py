"""Transactions: whole or not at all, tried again when they met another, durable."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.exc import OperationalError

from runtime import database
from runtime.database import Database, is_away, of_rows, of_values, open_engine
from runtime.limits import TRANSACTION_ATTEMPTS

METADATA = MetaData()
ROWS = Table("rows", METADATA, Column("value", Integer, primary_key=True))


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(database, "FIRST_PAUSE_S", 0.0)
    engine = open_engine(f"sqlite:///{tmp_path / 'test.db'}")
    METADATA.create_all(engine)
    yield Database(engine)
    engine.dispose()


def values(rows: Database) -> list[int]:
    query = select(ROWS.c.value).order_by(ROWS.c.value)
    return list(rows.read(lambda c: c.execute(query).scalars().all()))


def busy() -> OperationalError:
    return OperationalError("COMMIT", {}, Exception("could not serialize access"))


def test_a_commit_survives_a_power_cut(rows: Database) -> None:
    def pragma(name: str) -> object:
        return rows.read(lambda c: c.exec_driver_sql(f"PRAGMA {name}").scalar())

    assert (pragma("journal_mode"), pragma("synchronous")) == ("wal", 2)


def test_a_body_that_fails_changes_nothing(rows: Database) -> None:
    def body(connection: Connection) -> None:
        connection.execute(insert(ROWS).values(value=1))
        raise LookupError("second thoughts")

    with pytest.raises(LookupError):
        rows.transaction(body)
    assert values(rows) == []


def test_a_transaction_that_met_another_is_tried_again_from_the_start(rows: Database) -> None:
    tries: list[int] = []

    def body(connection: Connection) -> str:
        tries.append(len(tries))
        connection.execute(insert(ROWS).values(value=len(tries)))
        if len(tries) < 3:
            raise busy()
        return "done"

    assert rows.transaction(body) == "done"
    assert values(rows) == [3]


def test_it_is_not_tried_for_ever(rows: Database) -> None:
    tries: list[int] = []

    def body(connection: Connection) -> None:
        tries.append(1)
        raise busy()

    with pytest.raises(OperationalError):
        rows.transaction(body)
    assert len(tries) == TRANSACTION_ATTEMPTS


def test_one_whose_connection_was_lost_is_not_run_again(postgres_url: str) -> None:
    """It may have happened: whoever asked repeats by an id, and reads first what there is."""
    engine = open_engine(postgres_url)
    rows, tries = Database(engine), list[int]()

    def lost(connection: Connection) -> None:
        tries.append(1)
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(OperationalError) as caught:
        rows.transaction(lost)
    assert is_away(caught.value) and tries == [1]
    assert rows.transaction(lambda c: c.execute(text("SELECT 7")).scalar_one()) == 7
    engine.dispose()


def test_writers_that_read_first_wait_for_each_other(rows: Database) -> None:
    def add(connection: Connection) -> None:
        largest = connection.execute(select(func.max(ROWS.c.value))).scalar() or 0
        connection.execute(insert(ROWS).values(value=largest + 1))

    def work() -> None:
        for _ in range(10):
            rows.transaction(add)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(rows) == list(range(1, 41))


def test_an_error_does_not_tell_what_was_to_be_written(rows: Database) -> None:
    def write(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (?)", ("13911112222",))

    with pytest.raises(OperationalError, match="nowhere") as caught:
        rows.transaction(write)
    assert "13911112222" not in str(caught.value)


def test_rows_are_found_by_pairs_with_the_index(rows: Database) -> None:
    def find(connection: Connection) -> list[tuple[int, int]]:
        pairs = Table(
            "pairs",
            MetaData(),
            Column("one", Integer, primary_key=True),
            Column("other", Integer, primary_key=True),
        )
        pairs.create(connection)
        connection.execute(insert(pairs), [{"one": n % 3, "other": n} for n in range(9)])
        question = "WITH wanted (one, other) AS (VALUES ?) SELECT one, other FROM wanted JOIN pairs"
        asked = f"{question} USING (one, other) ORDER BY other"
        plan = of_rows(connection, f"EXPLAIN QUERY PLAN {asked}", [(0, 0)]).all()
        assert any("SEARCH pairs USING" in step.detail for step in plan), plan
        return [tuple(row) for row in of_rows(connection, asked, [(2, 8), (1, 2), (0, 3)])]

    assert rows.transaction(find) == [(0, 3), (2, 8)]


def test_a_list_of_values_stands_in_a_statement(database_url: str) -> None:
    engine = open_engine(database_url)

    def change(connection: Connection) -> list[tuple[int, int]]:
        things = Table("things", MetaData(), Column("id", Integer), Column("state", Integer))
        things.create(connection)
        connection.execute(insert(things), [{"id": n, "state": 0} for n in range(5)])
        of_values(connection, "UPDATE things SET state = 1 WHERE id IN ?", [1, 3, 1 << 40])
        asked = "SELECT id, state FROM things WHERE id IN ? ORDER BY id"
        return [tuple(row) for row in of_values(connection, asked, [2, 3])]

    assert Database(engine).transaction(change) == [(2, 0), (3, 1)]
    engine.dispose()
