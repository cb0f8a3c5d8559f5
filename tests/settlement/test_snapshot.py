"""Snapshots, proved by the audit."""

from __future__ import annotations

from sqlalchemy import delete, update

from settlement.audit import audit_ledger
from settlement.journal import Tip
from settlement.records import Kind, Records
from settlement.snapshot import Snapshots
from settlement.state import State
from tests.settlement.books import ALICE, fresh, many, record, system


def hold(fen: int, sequence: int) -> Records:
    """Alice's money is held."""
    return record(Kind.HOLD, origin=ALICE, debit=ALICE, amount_fen=fen, sequence=sequence)


def test_a_snapshot_is_proved_whatever_room_repeats_made(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    holds = many(*(hold(1, n + 1) for n in range(600)))
    books.ledger.submit(holds)
    assert books.ledger.submit(holds).repeated.all()
    books.core.snapshot()
    assert audit_ledger(engine, tables).problems == []


def test_the_audit_names_a_snapshot_that_is_not_the_state(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    books.ledger.submit(many(hold(1, 1), hold(2, 2)))
    richer, turned = State.empty(), State.empty()
    for state in (richer, turned):
        for entry, _ in books.journal.rows(Tip()):
            state.apply(entry.records)
    richer.accounts[ALICE]["available_fen"] += 1
    turned.free[: turned.counters[0]] = turned.free[: turned.counters[0]][::-1].copy()
    for state in (richer, turned):
        Snapshots(engine, tables).save(books.journal.tip(), state)
        assert "snapshot" in audit_ledger(engine, tables).problems[0]
        with engine.begin() as connection:
            connection.execute(delete(tables.snapshot))
    books.core.snapshot()
    assert audit_ledger(engine, tables).problems == []
    parts = tables.snapshot_parts
    with engine.begin() as connection:
        connection.execute(update(parts).where(parts.c.part == 1).values(body=b"else"))
    assert "parts were changed" in audit_ledger(engine, tables).problems[0]
