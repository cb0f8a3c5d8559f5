"""The projection in small steps: few parts of the index, and writing that may end anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from settlement import projection as projection_module
from settlement.audit import audit_ledger
from settlement.balances import Balances
from settlement.build import LedgerBundle, open_ledger
from settlement.postings import Index, Part, Postings, Runs, appended, joined, postings_of
from settlement.records import RECORD, Kind
from tests.settlement.books import (
    ALICE,
    BOB,
    CAROL,
    PURPOSE,
    fresh,
    many,
    opening,
    system,
    transfer,
)


def part(first: int, count: int) -> Part:
    """The postings of so many payments from a position on."""
    records = np.zeros(count, RECORD)
    records["kind"], records["credit"], records["purpose"] = Kind.TRANSFER, 1, PURPOSE
    records["origin"] = records["debit"] = np.arange(count) % 3
    records["sequence"] = 1 + (np.arange(first, first + count) * 7) % 11
    accepted = np.zeros(count, np.uint8)
    return {index: one.sorted() for index, one in postings_of(records, accepted, first).items()}


def whole(parts: list[Part], index: Index) -> Postings:
    """All postings of an index in one."""
    return joined([one[index] for one in parts]).sorted()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(0, 60))
def test_parts_are_few_and_have_all_that_came(counts: list[int], frozen: int) -> None:
    tail: list[Part] = []
    came: list[Part] = []
    still: list[Part] | None = None
    position = 1
    for number, count in enumerate(counts):
        if number == frozen:
            still = list(tail)
        came.append(part(position, count))
        position += count
        tail = appended(tail, came[-1], frozen=len(still) if still is not None else 0)
    for index in Index:
        have, expected = whole(tail, index), whole(came, index)
        assert (have.keys == expected.keys).all()
        assert (have.positions == expected.positions).all()
        for one in tail:
            assert (np.diff(one[index].keys) >= 0).all()
    stay = len(still) if still is not None else 0
    assert all(one is other for one, other in zip(tail, still or [], strict=False))
    sizes = [len(one[Index.ID].keys) for one in tail[stay:]]
    assert all(one >= 2 * other for one, other in zip(sizes, sizes[1:], strict=False))


def test_many_quiet_steps_leave_few_parts_to_look_through(tmp_path: Any) -> None:
    books = system(*fresh(f"sqlite:///{tmp_path}/test.db"))
    for sequence in range(1, 401):
        books.ledger.submit(many(transfer(ALICE, BOB, 1, sequence)))
        books.projection.catch_up()
    assert len(books.projection.index._stands[1]) <= 10
    found = books.history.statement(BOB, None, 1_000)
    assert [row.sequence for row in found][:400] == list(range(400, 0, -1))
    assert books.ledger.submit(many(transfer(ALICE, BOB, 1, 5))).repeated.all()
    assert [row.sequence for row in books.history.arrivals(BOB, found[10].position, 5)] == [
        391, 392, 393, 394, 395
    ]  # fmt: skip


def test_payments_that_come_to_nothing_lie_in_the_past_of_who_asked_for_them_alone(
    database_url: str,
) -> None:
    """In the journal's tail, in the index in memory, in a sealed run, and read from the table."""
    engine, tables = fresh(database_url)
    books = system(engine, tables, seal_every=100)
    start = books.ledger.position()

    def sequences(books: LedgerBundle, account: int) -> list[int]:
        rows = books.history.statement(account, None, 1_000)
        return [row.sequence for row in rows if row.position > start]

    for first in (1, 201):
        books.ledger.submit(
            many(
                *(transfer(ALICE, BOB, 1, n) for n in range(first, first + 20)),
                *(transfer(ALICE, BOB, 9_999, n) for n in range(first + 20, first + 200)),
            )
        )
        came = [*range(201, 221)][::-1] * (first == 201) + [*range(1, 21)][::-1]
        asked = list(range(first + 199, 0, -1))
        assert (sequences(books, BOB), sequences(books, ALICE)) == (came, asked)
        books.history.follow_balances()
        assert (sequences(books, BOB), sequences(books, ALICE)) == (came, asked)
        found = books.history.arrivals(BOB, start, 1_000)
        assert [row.sequence for row in found] == came[::-1]
    again = open_ledger(engine, tables, threaded=False, seal_every=100)
    assert (sequences(again, BOB), sequences(again, ALICE)) == (came, asked)
    assert audit_ledger(engine, tables).problems == []


class Ended(Exception):
    """The process ends here."""


def ended_at(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, number: int) -> None:
    """Lets the call of this number end the process instead."""
    true_call, calls = getattr(owner, name), iter(range(1, 1 << 30))

    def call(self: Any, *arguments: Any) -> Any:
        if next(calls) == number:
            raise Ended
        return true_call(self, *arguments)

    monkeypatch.setattr(owner, name, call)


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_run_that_was_not_finished_is_written_anew(
    database_url: str, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables, seal_every=100)
    books.ledger.submit(many(*(transfer(ALICE, BOB, 1, n + 1) for n in range(300))))
    ended_at(monkeypatch, Runs, "_write_pages", call)
    with pytest.raises(Ended):
        books.history.follow()
    monkeypatch.undo()
    again = open_ledger(engine, tables, threaded=False, seal_every=100)
    again.ledger.submit(many(*(transfer(ALICE, BOB, 1, n + 301) for n in range(100))))
    again.history.follow_balances()
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.sealed)).scalar()
    assert audit_ledger(engine, tables).problems == []
    assert [row.sequence for row in again.history.statement(BOB, None, 400)] == list(
        range(400, 0, -1)
    )


def in_small_steps(opened: Callable[[], LedgerBundle]) -> LedgerBundle:
    """A ledger whose balances are written two rows at a time."""
    with pytest.MonkeyPatch.context() as patch:
        for bound in ("PROJECTION_ROWS", "PROJECTION_ROWS_SQLITE"):
            patch.setattr(projection_module, bound, 2)
        return opened()


@pytest.mark.parametrize("ends", [(1,), (2,), (1, 1), (1, 3), (2, 2)])
@pytest.mark.parametrize("restarts", [False, True])
def test_balances_that_were_written_in_part_are_right_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch, ends: tuple[int, ...], restarts: bool
) -> None:
    engine, tables = fresh(database_url)
    books = in_small_steps(lambda: system(engine, tables))
    books.history.follow_balances()
    sequence = 0
    for number, end in enumerate(ends):
        for payer, payee in ((ALICE, BOB), (BOB, CAROL), (CAROL, ALICE), (ALICE, CAROL)):
            sequence += 1
            books.ledger.submit(many(transfer(payer, payee, 10 + sequence, sequence)))
        books.ledger.submit(
            many(opening(20 + number), transfer(ALICE, 20 + number, 1, 90 + number))
        )
        books.history.follow()
        ended_at(monkeypatch, Balances, "write", end)
        with pytest.raises(Ended):
            books.projection.write_balances()
        monkeypatch.undo()
        assert audit_ledger(engine, tables).problems == [], "each row is right where it stands"
        if restarts:
            books = in_small_steps(lambda: open_ledger(engine, tables, threaded=False))
    books.history.follow_balances()
    assert audit_ledger(engine, tables).problems == []
    with engine.connect() as connection:
        query = select(tables.balances.c.account, tables.balances.c.available_fen)
        held = {row.account: row.available_fen for row in connection.execute(query)}
    accounts = books.ledger.read(list(held))
    assert list(held.values()) == accounts["available_fen"].tolist()


def test_the_audit_names_a_balance_that_is_wrong_where_it_stands(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, tables = fresh(database_url)
    books = in_small_steps(lambda: system(engine, tables))
    books.history.follow_balances()
    books.ledger.submit(many(transfer(ALICE, BOB, 1, 1), transfer(BOB, CAROL, 1, 1)))
    books.history.follow()
    ended_at(monkeypatch, Balances, "write", 2)
    with pytest.raises(Ended):
        books.projection.write_balances()
    monkeypatch.undo()
    ahead = tables.balances.c.position == books.core.position
    for wrong in ({"available_fen": 5}, {"position": books.core.position + 1}):
        with engine.begin() as connection:
            changed = tables.balances.update().where(ahead).values(**wrong)
            assert connection.execute(changed).rowcount
        assert "table balances" in audit_ledger(engine, tables).problems[0]
