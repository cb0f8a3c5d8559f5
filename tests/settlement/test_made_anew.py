"""Batches that are made anew when their turn has come: from what is journaled by then."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection

from settlement.audit import audit_ledger
from settlement.build import open_ledger
from settlement.core import Answers, Batch, Failed
from settlement.records import Accounts, Result
from tests.settlement.books import ALICE, BOB, CAROL, available, fresh, system, transfer


def all_of(payer: int, payee: int, sequence: int) -> Batch:
    """Pays all that a payer has by then; 1 fen is what it says before."""

    def anew(rows: Accounts) -> Batch:
        fen = int(rows[0]["available_fen"])
        return Batch(transfer(payer, payee, fen, sequence), read=[payer, payee])

    return Batch(transfer(payer, payee, 1, sequence), read=[payer], anew=anew)


def test_it_is_made_from_what_stands_before_it(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    answers = books.core.process(
        [
            Batch(transfer(ALICE, BOB, 300, 1)),
            all_of(BOB, CAROL, 1),
            Batch(transfer(CAROL, ALICE, 5, 1)),
            all_of(CAROL, BOB, 2),
        ]
    )
    assert not any(isinstance(each, Failed) for each in answers)
    assert available(books, ALICE, BOB, CAROL) == [705, sum((1_000, 300, 1_000)) - 5, 0]
    made = answers[1]
    assert isinstance(made, Answers)
    assert made.made is not None
    assert made.made.records[0]["amount_fen"] == 1_300
    assert made.accounts is not None
    assert made.accounts["available_fen"].tolist() == [
        0,
        2_295,
    ]  # of its commit, with what followed
    assert audit_ledger(engine, tables).problems == []
    again = open_ledger(engine, tables, threaded=False)
    assert available(again, ALICE, BOB, CAROL) == available(books, ALICE, BOB, CAROL)


def test_one_that_cannot_be_made_fails_alone(database_url: str) -> None:
    books = system(*fresh(database_url))

    def anew(_: Accounts) -> Batch:
        raise ValueError("no")

    answers = books.core.process(
        [
            Batch(transfer(ALICE, BOB, 1, 1)),
            Batch(transfer(ALICE, BOB, 2, 2), anew=anew),
            Batch(transfer(ALICE, BOB, 4, 3)),
        ]
    )
    assert isinstance(answers[1], Failed)
    assert available(books, ALICE, BOB) == [995, 1_005]
    with pytest.raises(ValueError, match="no"):
        books.ledger.submit(Batch(transfer(ALICE, BOB, 8, 4), anew=anew))


def test_one_that_is_rolled_back_leaves_nothing(database_url: str) -> None:
    books = system(*fresh(database_url))

    def raises(_: Connection, __: Answers) -> None:
        raise ValueError("no")

    def anew(rows: Accounts) -> Batch:
        fen = int(rows[0]["available_fen"])
        return Batch(transfer(ALICE, BOB, fen, 1), in_transaction=raises)

    answers = books.core.process(
        [
            Batch(transfer(ALICE, BOB, 1, 9), read=[ALICE], anew=anew),
            Batch(transfer(ALICE, BOB, 7, 2)),
        ]
    )
    assert isinstance(answers[0], Failed)
    assert available(books, ALICE, BOB) == [993, 1_007]


def test_threads_that_pay_all_they_find_lose_nothing(database_url: str) -> None:
    engine, tables = fresh(database_url)
    system(engine, tables)
    books = open_ledger(engine, tables, threaded=True)

    def pay(payer: int, payee: int) -> None:
        for sequence in range(1, 41):
            result = books.ledger.submit(all_of(payer, payee, sequence)).result(0)
            assert result in (Result.ACCEPTED, Result.AMOUNT_INVALID)

    around = [(ALICE, BOB), (BOB, CAROL), (CAROL, ALICE)]
    threads = [threading.Thread(target=pay, args=pair) for pair in around]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(available(books, ALICE, BOB, CAROL)) == 3_000
    books.stop()
    assert audit_ledger(engine, tables).problems == []
