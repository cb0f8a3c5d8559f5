"""Repeats and stragglers, alone and linked: in one commit, in a later one, after a restart."""

from __future__ import annotations

from typing import Any

import pytest

from settlement.build import LedgerBundle, open_ledger
from settlement.core import Answers, Batch
from settlement.records import Kind, RecordFlag, Records, Result
from settlement.rule import MAX_CHAIN
from tests.settlement.books import (
    ALICE,
    BANK,
    BOB,
    CAROL,
    answered,
    available,
    fresh,
    many,
    opening,
    record,
    system,
    transfer,
)

LINKED = RecordFlag.LINKED
ACCEPTED, REUSED, FAILED = Result.ACCEPTED, Result.ID_REUSED, Result.LINKED_FAILED
DAN = 9

later = pytest.mark.parametrize("later", ["the same commit", "the next", "a restart", "projected"])


def pay(fen: int, sequence: int, **values: Any) -> Records:
    """Alice pays Bob."""
    return transfer(ALICE, BOB, fen, sequence, **values)


def hold(fen: int, sequence: int) -> Records:
    """Alice's money is held."""
    return record(Kind.HOLD, origin=ALICE, debit=ALICE, amount_fen=fen, sequence=sequence)


def decided(url: str, later: str, *batches: Batch) -> tuple[LedgerBundle, list[Answers]]:
    """The answers for some batches; from the second on they come later."""
    engine, tables = fresh(url)
    books = system(engine, tables)
    if later == "the same commit":
        return books, answered(books, batches)
    answers = answered(books, batches[:1])
    if later == "projected":
        books.history.follow()
    if later != "the next":
        books = open_ledger(engine, tables, threaded=False)
    return books, answers + answered(books, batches[1:])


def named(answers: list[Answers]) -> list[list[Result]]:
    """The results by name."""
    return [[Result(result) for result in one.results.tolist()] for one in answers]


@later
def test_a_chain_is_repeated_as_a_whole_or_not_at_all(database_url: str, later: str) -> None:
    books, answers = decided(
        database_url,
        later,
        many(pay(5, 1, flags=LINKED), hold(7, 0)),
        many(pay(5, 1)),
        many(pay(5, 1, flags=LINKED), hold(8, 0)),
        many(pay(5, 1, flags=LINKED), hold(7, 0), pay(1, 2)),
        many(pay(5, 1, flags=LINKED), pay(1, 0, flags=LINKED), hold(7, 0)),
    )
    assert named(answers) == [
        [ACCEPTED, ACCEPTED],
        [REUSED],
        [REUSED, FAILED],
        [ACCEPTED, ACCEPTED, ACCEPTED],
        [REUSED, FAILED, FAILED],
    ]
    first, again = answers[0], answers[3]
    assert first.details[1] > 0
    assert again.repeated.tolist() == [True, True, False]
    assert again.details[:2].tolist() == first.details.tolist()
    assert again.positions[:2].tolist() == first.positions.tolist()
    assert again.positions[2] == first.positions[1] + 1
    assert available(books, ALICE) == [1_000 - 5 - 7 - 1]


@later
def test_a_chain_that_failed_is_repeated_as_it_failed(database_url: str, later: str) -> None:
    chain = many(pay(5, 1, flags=LINKED), transfer(CAROL, BOB, 9_999, 0))
    books, (first, again) = decided(database_url, later, chain, chain)
    assert named([first, again]) == [[Result.INSUFFICIENT_FUNDS, FAILED]] * 2
    assert again.repeated.all()
    assert again.positions.tolist() == first.positions.tolist()


@later
def test_a_later_member_of_a_failed_chain_has_no_identity(database_url: str, later: str) -> None:
    books, answers = decided(
        database_url,
        later,
        many(pay(5, 1), transfer(BOB, ALICE, 1, 9, flags=LINKED), pay(6, 1)),
        many(pay(5, 1)),
        many(pay(6, 1)),
    )
    assert named(answers) == [[ACCEPTED, Result.MALFORMED, FAILED], [ACCEPTED], [REUSED]]
    assert answers[1].positions[0] == answers[0].positions[0]


@later
def test_what_came_before_its_account_has_no_identity(database_url: str, later: str) -> None:
    early = transfer(DAN, BOB, 1, 1)
    books, answers = decided(
        database_url,
        later,
        many(early, opening(DAN, policy=1), transfer(BANK, DAN, 10, 99), early),
        many(early),
    )
    assert named(answers) == [[Result.MALFORMED, ACCEPTED, ACCEPTED, ACCEPTED], [ACCEPTED]]
    assert answers[1].positions[0] == answers[0].positions[3]
    assert available(books, DAN) == [9]


def test_a_straggler_is_decided_where_it_stands(database_url: str) -> None:
    books, (first, batch) = decided(
        database_url,
        "the same commit",
        many(pay(1, 500)),
        many(
            pay(900, 7), pay(99, 501), pay(1, 502), pay(900, 7), pay(1, 8, flags=LINKED), pay(1, 0)
        ),
    )
    short = Result.INSUFFICIENT_FUNDS
    assert named([batch]) == [[ACCEPTED, ACCEPTED, short, ACCEPTED, short, FAILED]]
    assert batch.repeated.tolist() == [False, False, False, True, False, False]
    assert (batch.positions - first.positions[0]).tolist() == [1, 2, 3, 1, 4, 5]
    assert available(books, ALICE) == [0]


def test_a_chain_that_is_too_long_is_no_batch() -> None:
    chain = [pay(1, 0, flags=LINKED) for _ in range(MAX_CHAIN - 1)]
    many(pay(1, 1), pay(1, 2, flags=LINKED), *chain[1:], pay(1, 0), pay(1, 3))
    with pytest.raises(ValueError, match="chain"):
        many(pay(1, 1), pay(1, 2, flags=LINKED), *chain, pay(1, 0), pay(1, 3))
