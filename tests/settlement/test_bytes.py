"""Memory and disk are bounded by bytes, not by the number of records alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sqlalchemy import Connection, create_engine

from settlement import journal as journal_module
from settlement import room as room_module
from settlement import writer as writer_module
from settlement.build import open_ledger
from settlement.core import Answers, Batch
from settlement.errors import Overloaded
from settlement.journal import Journal
from settlement.records import Records, Result
from settlement.room import Room
from settlement.writer import GroupCommitWriter
from tests.settlement.books import ALICE, BOB, available, fresh, many, system, transfer
from tests.settlement.payers import PATIENCE_S

NOTE = bytes(16_000)


def noted(first: int, count: int) -> Batch:
    """Payments of more than there is, with long notes."""
    records: Records = np.repeat(transfer(ALICE, BOB, 10**6, 0), count)
    records["sequence"] = np.arange(first, first + count)
    return Batch(records, [NOTE] * count)


def test_the_recent_journal_is_bounded_by_the_bytes_of_what_stands_beside_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "RECENT_BYTES", 10 * len(NOTE))
    monkeypatch.setattr(journal_module, "READ_BYTES", 4 * len(NOTE))
    books = system(*fresh(database_url))
    for first in range(1, 41, 4):
        answers = books.ledger.submit(noted(first, 4))
        assert answers.result(0) == Result.INSUFFICIENT_FUNDS
    kept = sum(entry.size_bytes() for entry in books.journal._recent)
    assert 4 * len(NOTE) < kept <= 10 * len(NOTE)
    assert kept == books.journal._recent_bytes
    read = books.journal.read(8)
    assert [entry.first_position for entry in read] == [9], "so much at once, and no more"
    books.history.follow()
    assert len(books.history.statement(ALICE, None, 1_000)) == 41
    assert books.ledger.submit(noted(1, 4)).repeated.all()


def test_a_row_beyond_the_bound_is_kept_while_it_is_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "RECENT_BYTES", 1)
    books = system(*fresh(f"sqlite:///{tmp_path}/test.db"))
    for first in (1, 5):
        books.ledger.submit(noted(first, 4))
    assert [entry.first_position for entry in books.journal._recent] == [books.core.position - 3]


def staying(
    entered: threading.Event, gate: threading.Event
) -> Callable[[Connection, Answers], None]:
    """For a batch that the writer stays at until the gate is opened."""

    def stay(connection: Connection, answers: Answers) -> None:
        entered.set()
        gate.wait(PATIENCE_S)

    return stay


def test_what_waits_for_the_writer_is_bounded_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = noted(1, 4).size_bytes
    assert one == 4 * (64 + len(NOTE))
    monkeypatch.setattr(writer_module, "MAX_QUEUED_BYTES", 3 * one)
    monkeypatch.setattr(writer_module, "MAX_COMMIT_BYTES", 2 * one)
    books = system(*fresh(f"sqlite:///{tmp_path}/test.db"))
    writer = GroupCommitWriter(books.core, on_stopped=lambda _: None)
    for first in (1, 21):  # what is done counts no more: there is as much room the second time
        entered, gate = threading.Event(), threading.Event()
        stay = staying(entered, gate)
        held = writer.submit_later(Batch(transfer(ALICE, BOB, 1, 900 + first), None, stay))
        assert entered.wait(PATIENCE_S)
        waiting = [writer.submit_later(noted(first + more, 4)) for more in (0, 4, 8)]
        with pytest.raises(Overloaded, match="bytes"):
            writer.submit_later(noted(first + 12, 4))
        gate.set()
        assert held.result(PATIENCE_S).result(0) == Result.ACCEPTED
        for future in waiting:
            future.result(PATIENCE_S)
        writer.submit_later(noted(first + 12, 4)).result(PATIENCE_S)
    writer.stop()
    sizes = [len(entry.records) for entry in books.journal.read(8)]
    assert max(sizes) <= 8, "a commit takes no more in than its bytes allow"


def test_a_batch_larger_than_the_bound_is_taken_when_nothing_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MAX_QUEUED_BYTES", 10)
    books = system(*fresh(f"sqlite:///{tmp_path}/test.db"))
    writer = GroupCommitWriter(books.core, on_stopped=lambda _: None)
    assert writer.submit(many(transfer(ALICE, BOB, 1, 1))).result(0) == Result.ACCEPTED
    writer.stop()


@pytest.mark.parametrize("threaded", [False, True])
def test_on_a_disk_that_is_nearly_full_only_what_must_be_is_taken(
    tmp_path: Path, threaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, tables = fresh(f"sqlite:///{tmp_path}/test.db")
    system(engine, tables)
    monkeypatch.setattr(room_module, "EVERY_S", 0.0)
    books = open_ledger(engine, tables, threaded=threaded, min_free_bytes=1 << 60)
    assert not books.ledger.has_room()
    with pytest.raises(Overloaded, match="disk"):
        books.ledger.submit(many(transfer(ALICE, BOB, 1, 1)))
    settled = Batch(transfer(ALICE, BOB, 1, 2), urgent=True)
    assert books.ledger.submit(settled).result(0) == Result.ACCEPTED
    assert available(books, ALICE) == [999]
    books.stop()
    roomy = open_ledger(engine, tables, threaded=False, min_free_bytes=1)
    assert roomy.ledger.has_room()
    assert roomy.ledger.submit(many(transfer(ALICE, BOB, 1, 1))).result(0) == Result.ACCEPTED


def test_room_is_looked_up_now_and_then_and_never_at_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = fresh(f"sqlite:///{tmp_path}/test.db")
    room = Room(engine, least_bytes=1 << 60)
    assert room.is_short()
    found = os.statvfs(tmp_path)
    blocks = (1 << 60) // found.f_frsize
    freed = SimpleNamespace(f_frsize=found.f_frsize, f_bavail=blocks)
    monkeypatch.setattr(os, "statvfs", lambda _: freed)
    assert room.is_short(), "what was found a moment ago is still believed"
    monkeypatch.setattr(room_module, "EVERY_S", 0.0)
    assert not room.is_short()
    freed.f_bavail -= 1
    assert room.is_short()


@pytest.mark.parametrize("name", ["", "/:memory:", "/file:one?mode=memory&cache=shared&uri=true"])
def test_a_database_in_memory_has_no_disk(name: str) -> None:
    room = Room(create_engine(f"sqlite://{name}"), least_bytes=1 << 60)
    assert not room.is_short()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_disk_of_a_server_is_the_servers(database_url: str) -> None:
    engine, _ = fresh(database_url)
    assert not Room(engine, least_bytes=1 << 60).is_short()


def test_the_newest_position_is_known_without_the_database(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    assert books.journal.newest() == books.core.position == 8
    assert Journal(engine, tables).newest() == 8
