"""Recovery: a snapshot that can be used, the journal after it, and answers that are the rule's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, delete, select, update

from settlement import packing as packing_module
from settlement import snapshot as snapshot_module
from settlement import state as state_module
from settlement.audit import audit_ledger
from settlement.build import LedgerBundle, open_ledger
from settlement.core import Core
from settlement.journal import JournalBroken, chain_hash
from settlement.packing import pack, unpack
from settlement.records import ACCOUNT, Result
from settlement.rule import RULE_VERSION
from settlement.snapshot import Snapshots, SnapshotUnusable
from settlement.state import State
from settlement.tables import JournalTables
from tests.settlement.books import ALICE, BOB, available, fresh, many, system, transfer
from tests.settlement.traffic import setup, traffic


def paid(books: LedgerBundle, *sequences: int) -> None:
    """Alice pays Bob a fen each."""
    for sequence in sequences:
        books.ledger.submit(many(transfer(ALICE, BOB, 1, sequence)))


def two_snapshots(url: str) -> tuple[Engine, JournalTables]:
    """A ledger with a snapshot after one payment, one after two, and a third payment."""
    engine, tables = fresh(url)
    books = system(engine, tables)
    for sequence in (1, 2):
        paid(books, sequence)
        books.core.snapshot()
    paid(books, 3)
    return engine, tables


def positions(engine: Engine, tables: JournalTables) -> list[int]:
    """Of the snapshots that count."""
    with engine.connect() as connection:
        return list(connection.execute(select(tables.snapshot.c.position)).scalars())


def started_from(engine: Engine, tables: JournalTables, monkeypatch: pytest.MonkeyPatch) -> int:
    """Opens the ledger, which must be as it was; says at which position it began to replay."""
    begun: list[int] = []
    true_newest = Snapshots.newest

    def newest(self: Snapshots, *journal: Any) -> Any:
        state, tip = true_newest(self, *journal)
        begun.append(tip.position)
        return state, tip

    monkeypatch.setattr(Snapshots, "newest", newest)
    assert available(open_ledger(engine, tables, threaded=False), ALICE) == [997]
    monkeypatch.setattr(Snapshots, "newest", true_newest)
    return begun[0]


def tear(engine: Engine, tables: JournalTables, position: int) -> None:
    """One part of a snapshot is lost."""
    parts = tables.snapshot_parts
    with engine.begin() as connection:
        gone = delete(parts).where(parts.c.position == position, parts.c.part == 2)
        assert connection.execute(gone).rowcount == 1


def test_the_newest_snapshot_is_taken_and_one_before_it_is_kept(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, tables = two_snapshots(database_url)
    older, newer = positions(engine, tables)
    assert started_from(engine, tables, monkeypatch) == newer
    books = open_ledger(engine, tables, threaded=False)
    books.core.snapshot()
    assert positions(engine, tables) == [newer, newer + 1]
    assert newer == older + 1


def test_a_torn_snapshot_is_passed_over_for_the_one_before(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, tables = two_snapshots(database_url)
    older, newer = positions(engine, tables)
    tear(engine, tables, newer)
    assert started_from(engine, tables, monkeypatch) == older
    tear(engine, tables, older)
    assert started_from(engine, tables, monkeypatch) == 0
    assert "snapshot" in audit_ledger(engine, tables).problems[0]


def test_a_snapshot_that_was_passed_over_is_made_anew(database_url: str) -> None:
    engine, tables = two_snapshots(database_url)
    books = open_ledger(engine, tables, threaded=False)
    books.core.snapshot()
    for position in positions(engine, tables):
        tear(engine, tables, position)
    books = open_ledger(engine, tables, threaded=False)
    books.core.snapshot()
    with engine.begin() as connection:
        torn = tables.snapshot.c.position != books.core.position
        connection.execute(delete(tables.snapshot).where(torn))
    books.history.follow_balances()
    assert audit_ledger(engine, tables).problems == []


def test_without_a_snapshot_a_journal_that_lost_its_beginning_is_an_error(
    database_url: str,
) -> None:
    engine, tables = two_snapshots(database_url)
    with engine.begin() as connection:
        connection.execute(delete(tables.journal).where(tables.journal.c.seq == 1))
    assert available(open_ledger(engine, tables, threaded=False), ALICE) == [997]
    for position in positions(engine, tables):
        tear(engine, tables, position)
    with pytest.raises(JournalBroken, match="no snapshot can be used.*seq=1.*parts"):
        open_ledger(engine, tables, threaded=False)


def test_a_snapshot_of_another_rule_is_passed_over(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, tables = two_snapshots(database_url)
    books = open_ledger(engine, tables, threaded=False)
    _, newer = positions(engine, tables)
    monkeypatch.setattr(snapshot_module, "RULE_VERSION", RULE_VERSION - 1)
    books.core.snapshot()
    monkeypatch.undo()
    assert positions(engine, tables) == [newer, newer + 1]
    assert started_from(engine, tables, monkeypatch) == newer
    assert f"rule version {RULE_VERSION - 1}" in audit_ledger(engine, tables).problems[0]


def reordered() -> np.dtype:
    """Two fields of the same kind have changed places."""
    names = list(ACCOUNT.names or ())
    names[0], names[1] = names[1], names[0]
    return np.dtype([(name, ACCOUNT[name]) for name in names])


def wider() -> np.dtype:
    """Accounts have grown."""
    return np.dtype([*ACCOUNT.descr, ("more", "V64")])


@pytest.mark.parametrize("layout", [reordered, wider])
def test_a_snapshot_of_another_layout_is_not_read_as_this_one(
    layout: Callable[[], np.dtype], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State.empty()
    state.accounts["available_fen"][5] = 100
    body = b"".join(snapshot_module.dump(state))
    assert snapshot_module.load(body).accounts["available_fen"][5] == 100
    monkeypatch.setattr(state_module, "ACCOUNT", layout())
    with pytest.raises(SnapshotUnusable, match="layout"):
        snapshot_module.load(body)


@pytest.mark.parametrize("cut", [0, 5, 12, 100, 5_000])
def test_bytes_that_are_no_snapshot_are_said_to_be_none(cut: int) -> None:
    body = b"".join(snapshot_module.dump(State.empty()))
    with pytest.raises(SnapshotUnusable):
        snapshot_module.load(body[:cut])


def test_a_snapshot_of_another_journal_is_passed_over(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, tables = two_snapshots(database_url)
    older, newer = positions(engine, tables)
    with engine.begin() as connection:
        other = update(tables.snapshot).where(tables.snapshot.c.position == newer)
        connection.execute(other.values(hash=bytes(32)))
    assert started_from(engine, tables, monkeypatch) == older


def test_one_snapshot_is_written_at_a_time(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    waiting: list[Callable[[], None]] = []
    core = Core(
        engine, tables, books.journal, books.history, snapshot_every=1, background=waiting.append
    )

    def pay(sequence: int) -> None:
        core.process([many(transfer(ALICE, BOB, 1, sequence))])

    pay(1)
    pay(2)
    core.snapshot()
    assert len(waiting) == 1, "the second waits until the first is there"
    waiting.pop()()
    first = core.position - 1
    assert positions(engine, tables) == [first]
    pay(3)
    assert len(waiting) == 1
    waiting.pop()()
    assert positions(engine, tables) == [first, core.position]


def test_a_snapshot_whose_parts_were_taken_away_does_not_count(database_url: str) -> None:
    engine, tables = two_snapshots(database_url)
    books = open_ledger(engine, tables, threaded=False)
    before = positions(engine, tables)
    true_dump = snapshot_module.dump
    parts = tables.snapshot_parts

    def disturbed(state: State) -> Any:
        for number, part in enumerate(true_dump(state)):
            if number == 4:
                with engine.begin() as connection:
                    mine = parts.c.position.not_in(before)
                    connection.execute(delete(parts).where(mine))
            yield part

    snapshot_module.dump = disturbed  # type: ignore[assignment]
    try:
        books.core.snapshot()
    finally:
        snapshot_module.dump = true_dump
    assert positions(engine, tables) == before
    paid(books, 4)
    books.core.snapshot()
    assert positions(engine, tables)[-1] == books.core.position


def forge_last_answer(engine: Engine, tables: JournalTables) -> int:
    """The last row says that its payment was refused, with all hashes made right; its seq."""
    journal = tables.journal
    with engine.connect() as connection:
        row = connection.execute(select(journal).order_by(journal.c.seq.desc()).limit(1)).one()
    records, results, details, notes, signatures = unpack(bytes(row.body))
    results = results.copy()
    results[-1] = Result.INSUFFICIENT_FUNDS
    body = pack(records, results, details, notes, signatures)
    digest = chain_hash(bytes(row.previous_hash), row.seq, row.first_position, len(records), body)
    with engine.begin() as connection:
        changed = update(journal).where(journal.c.seq == row.seq)
        connection.execute(changed.values(body=body, hash=digest))
    return int(row.seq)


def test_an_answer_that_is_not_the_rules_stops_the_recovery_and_is_named(
    database_url: str,
) -> None:
    engine, tables = two_snapshots(database_url)
    seq = forge_last_answer(engine, tables)
    named = f"row seq={seq}.*position 11 has INSUFFICIENT_FUNDS 0, the rule says ACCEPTED 0"
    with pytest.raises(JournalBroken, match=named):
        open_ledger(engine, tables, threaded=False)
    assert f"row seq={seq}" in audit_ledger(engine, tables).problems[0]


def test_a_journal_of_an_earlier_rule_is_refused_with_a_sentence_that_says_what_to_do(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(packing_module, "RULE_VERSION", RULE_VERSION - 1)
        engine, tables = two_snapshots(database_url)
    said = f"row seq=1: it was decided by rule version {RULE_VERSION - 1} .* make a new stack"
    with engine.begin() as connection:
        connection.execute(delete(tables.snapshot))
    with pytest.raises(JournalBroken, match=said):
        open_ledger(engine, tables, threaded=False)
    assert re.search(said, audit_ledger(engine, tables).problems[0])


RULE_FINGERPRINT = (6, "f3df8cf0e3ac23f1")
"""The rule's version, and what it comes to on made-up traffic."""


def test_a_rule_that_decides_otherwise_has_another_version() -> None:
    state = State.empty()
    found = hashlib.sha256()
    for unit in (setup(), *traffic(2_027, 20_000, chains=True)):
        for part in state.apply(unit):
            found.update(part.tobytes())
    found.update(state.accounts.tobytes())
    assert (RULE_VERSION, found.hexdigest()[:16]) == RULE_FINGERPRINT
