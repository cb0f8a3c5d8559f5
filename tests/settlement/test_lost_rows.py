"""A server's crash empties what was made from the journal, while the service goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError

from settlement.audit import audit_ledger
from settlement.build import LedgerBundle, Near, open_ledger
from settlement.errors import CoreStopped, Overloaded
from settlement.projection import Projection
from settlement.tables import JournalTables
from tests.settlement.books import ALICE, BOB, CAROL, fresh, many, system, transfer

_MADE = ("payments", "sealed", "postings", "balances", "projected")
PAID = 12
Database = tuple[Engine, JournalTables]


@pytest.fixture
def database(server_database_url: str) -> Database:
    """An engine with the core's tables made."""
    return fresh(server_database_url)


@pytest.fixture(params=[4, 1_000], ids=["sealed", "in memory"])
def books(database: Database, request: pytest.FixtureRequest) -> LedgerBundle:
    """A ledger with payments, all of which have been projected."""
    books = system(*database, seal_every=request.param)
    for sequence in range(1, PAID + 1):
        books.ledger.submit(many(transfer(ALICE, BOB, 1, sequence)))
        books.history.follow()
    books.history.follow_balances()
    return books


def empty(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(_MADE)}"))


def crash(engine: Engine) -> None:
    """As a crash of the server does: connections end, and unlogged tables are empty."""
    empty(engine)
    engine.dispose()


QUESTIONS: dict[str, Callable[[LedgerBundle], object]] = {
    "by id": lambda books: books.history.find(ALICE, 1),
    "statement": lambda books: books.history.statement(ALICE, None, 50),
    "arrivals": lambda books: books.history.arrivals(BOB, 0, 50),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_a_question_is_refused_until_the_rows_are_there_again(
    database: Database, books: LedgerBundle, question: Callable[[LedgerBundle], object]
) -> None:
    before = question(books)
    crash(database[0])
    # Not answered as if there had been no payments, nor with only some of them.
    with pytest.raises(Overloaded, match="ask again later"):
        question(books)
    books.projection.catch_up(5)
    books.history.follow()
    assert question(books) == before


def test_a_service_without_work_makes_the_rows_again(
    database: Database, books: LedgerBundle
) -> None:
    told: list[bool] = []
    books.projection.on_gone = lambda: told.append(True)
    crash(database[0])
    books.history.follow()
    assert not told, "a position in memory says that all is there"
    # What a worker does again and again, whether or not there is anything new.
    books.projection.catch_up()
    books.history.follow_balances()
    assert told == [True]
    assert not audit_ledger(*database).problems


def test_rows_that_vanish_without_a_sign_are_missed_when_the_next_are_written(
    database: Database, books: LedgerBundle
) -> None:
    books.projection.catch_up()
    empty(database[0])
    books.ledger.submit(many(transfer(ALICE, CAROL, 1, PAID + 1)))
    books.projection.catch_up()
    books.history.follow_balances()
    assert not audit_ledger(*database).problems


def test_what_was_read_while_the_rows_were_made_anew_is_not_answered(books: LedgerBundle) -> None:
    made = books.projection.made
    with pytest.raises(Overloaded), books.projection.reading(made):
        books.projection.rebuild()


class Standing(Projection):
    """A projection that is somewhere, and notes for what it was waited."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.waited_for: list[int] = []

    def position(self) -> int:
        return self.at

    def wait_for(self, position: int, timeout_s: float) -> bool:
        self.waited_for.append(position)
        return self.at >= position


def test_a_writer_waits_for_a_projection_that_is_a_little_behind() -> None:
    projection = Standing(at=0)
    near = Near(projection, 100)
    near.keep(100)
    assert projection.waited_for == []
    near.keep(150)
    assert projection.waited_for == [50]


def test_a_projection_that_lost_all_gains_one_record_for_each_that_is_paid() -> None:
    projection = Standing(at=0)
    near = Near(projection, 100)
    near.keep(10_000)
    near.keep(10_050)
    # So far it need not have moved: a hundred is what it may be behind anyway.
    assert projection.waited_for == [-100, 0]
    near.keep(10_300)
    assert projection.waited_for[-1] == 500
    projection.at = 10_250
    near.keep(10_300)
    near.keep(10_400)
    assert projection.waited_for[-1] == 10_300, "near again, it is waited for as before"


def test_what_is_read_from_the_tables_themselves_is_refused_too(
    database: Database, books: LedgerBundle
) -> None:
    crash(database[0])
    with (
        pytest.raises(Overloaded, match="ask again later"),
        books.history.followed(balances=True),
    ):
        pass
    books.projection.catch_up()
    with books.history.followed(balances=True) as connection:
        count = connection.execute(text("SELECT count(*) FROM balances")).scalar_one()
    assert count > 0


def test_who_is_refused_gets_the_error_of_the_service(server_database_url: str) -> None:
    engine, tables = fresh(server_database_url)
    system(engine, tables).history.follow()

    class OfTheService(Overloaded):
        pass

    books = open_ledger(engine, tables, threaded=False, overloaded=OfTheService)
    crash(engine)
    with pytest.raises(OfTheService):
        books.history.find(ALICE, 1)


def test_what_was_begun_anew_and_not_ended_is_begun_once_more(
    database: Database, books: LedgerBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = books.history.find(ALICE, 1)
    crash(database[0])
    with monkeypatch.context() as patch:
        patch.setattr(books.projection.index, "load", _away)
        with pytest.raises(OperationalError):
            books.projection.rebuild()
    # Memory knows of no row now, and of the index of before.
    for question in QUESTIONS.values():
        with pytest.raises(Overloaded):
            question(books)
    books.projection.catch_up()
    books.history.follow_balances()
    assert books.history.find(ALICE, 1) == before
    assert not audit_ledger(*database).problems


def test_nobody_is_answered_while_the_rows_are_begun_anew(
    books: LedgerBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[bool] = []
    load = books.projection.index.load

    def asked_meanwhile(position: int) -> None:
        with pytest.raises(Overloaded):
            books.history.find(ALICE, 1)
        refused.append(True)
        load(position)

    monkeypatch.setattr(books.projection.index, "load", asked_meanwhile)
    books.projection.rebuild()
    assert refused == [True]
    assert books.history.find(ALICE, 1) is not None


def _away(*_: object) -> None:
    raise OperationalError("SELECT", None, Exception("the server is away again"))


def test_a_repeat_before_anybody_has_looked_stops_nothing(
    database: Database, books: LedgerBundle
) -> None:
    repeat = many(transfer(ALICE, BOB, 1, 1))
    crash(database[0])
    database[0].connect().close()
    with pytest.raises(Overloaded):
        books.ledger.submit(repeat)
    books.projection.catch_up()
    answer = books.ledger.submit(repeat)
    assert answer.repeated.tolist() == [True]


def test_a_journal_whose_end_is_gone_is_not_written_on(
    database: Database, books: LedgerBundle
) -> None:
    """As where a standby takes over that had not got everything."""
    engine, tables = database
    with engine.begin() as connection:
        last = connection.execute(select(func.max(tables.journal.c.seq))).scalar_one()
        connection.execute(tables.journal.delete().where(tables.journal.c.seq == last))
    engine.dispose()
    with pytest.raises(CoreStopped, match="no longer in the database"):
        books.ledger.submit(many(transfer(ALICE, BOB, 1, PAID + 1)))
    with engine.connect() as connection:
        assert connection.execute(select(func.max(tables.journal.c.seq))).scalar_one() == last - 1
