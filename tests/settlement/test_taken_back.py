"""A batch that cannot be kept is taken back as if it had never been there; the others go on."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, event, insert, text
from sqlalchemy.exc import IntegrityError

from settlement import writing as writing_module
from settlement.audit import audit_ledger
from settlement.build import open_ledger
from settlement.core import Answers, Batch, Failed
from settlement.errors import CoreStopped, Overloaded, is_busy
from settlement.records import Kind, RecordFlag, Result
from settlement.state import State
from settlement.writer import GroupCommitWriter
from tests.settlement.books import (
    ALICE,
    BOB,
    CAROL,
    available,
    fresh,
    many,
    opening,
    record,
    system,
    transfer,
)
from tests.settlement.payers import PATIENCE_S
from tests.settlement.traffic import setup, traffic

TAKEN = Table("taken", MetaData(), Column("id", Integer, primary_key=True, autoincrement=False))


def ids(engine: Engine) -> list[int]:
    """What has been taken."""
    with engine.connect() as connection:
        return sorted(connection.execute(TAKEN.select()).scalars())


def taking(fen: int, sequence: int, key: int) -> Batch:
    """Alice pays Bob, and a key that only one may have is taken."""

    def take(connection: Connection, _: Answers) -> None:
        connection.execute(insert(TAKEN), {"id": key})

    return Batch(
        transfer(ALICE, BOB, fen, sequence),
        None,
        take,
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_saved_comes_back_to_the_bit(seed: int) -> None:
    state = State.empty()
    state.apply(setup())
    units = traffic(seed, 4_000, chains=True)
    more = np.concatenate([opening(4, policy=1), record(Kind.SET_LIMIT, credit=2, amount_fen=9)])
    for start in range(0, len(units), 37):
        batch = np.concatenate([*units[start : start + 37], more])
        undo = state.saved(batch)
        before = [
            part.tobytes()
            for part in (state.accounts, state.policies, state.holds, state.counters, state.free)
        ]
        results, details = state.apply(batch)
        state.restore(undo)
        after = [
            part.tobytes()
            for part in (state.accounts, state.policies, state.holds, state.counters, state.free)
        ]
        assert after == before
        again = state.apply(batch)
        assert (again[0] == results).all()
        assert (again[1] == details).all()


def test_who_breaks_a_key_is_told_and_nobody_else_is_concerned(database_url: str) -> None:
    engine, tables = fresh(database_url)
    TAKEN.create(engine)
    books = system(engine, tables)
    before = books.core.position
    good, failed, same_identity, other = books.core.process(
        [taking(1, 1, key=7), taking(10, 2, key=7), taking(10, 2, key=8),
         Batch(transfer(BOB, CAROL, 5, 1))]
    )  # fmt: skip
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, IntegrityError)
    kept = [one for one in (good, same_identity, other) if isinstance(one, Answers)]
    assert [one.result(0) for one in kept] == [Result.ACCEPTED] * 3
    assert isinstance(same_identity, Answers)
    assert not same_identity.repeated.any(), "what was taken back has taken no sequence"
    assert [int(one.positions[0]) - before for one in kept] == [1, 2, 3]
    assert available(books, ALICE, BOB, CAROL) == [989, 1_006, 1_005]
    assert ids(engine) == [7, 8]
    again = open_ledger(engine, tables, threaded=False)
    assert available(again, ALICE, BOB, CAROL) == [989, 1_006, 1_005]
    books.history.follow_balances()
    assert audit_ledger(engine, tables).problems == []


def test_a_hold_that_was_taken_back_leaves_its_place(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    hold = record(Kind.HOLD, origin=ALICE, debit=ALICE, amount_fen=100, sequence=1)

    def fail(connection: Connection, answers: Answers) -> None:
        assert answers.details[0]
        raise LookupError("no")

    with pytest.raises(LookupError):
        books.ledger.submit(Batch(hold, None, fail))
    assert available(books, ALICE) == [1_000]
    first = books.ledger.submit(many(hold))
    assert first.details[0] == 1 << 32, "the first place, for the first time"


def test_the_callers_own_error_reaches_the_caller_through_the_writer(tmp_path: Path) -> None:
    engine, tables = fresh(f"sqlite:///{tmp_path}/test.db")
    books = system(engine, tables)
    stopped: list[CoreStopped] = []
    writer = GroupCommitWriter(books.core, on_stopped=stopped.append)

    class No(Exception):
        pass

    def refuse(connection: Connection, answers: Answers) -> None:
        raise No

    with pytest.raises(No):
        writer.submit(Batch(transfer(ALICE, BOB, 1, 1), None, refuse))
    assert writer.submit(many(transfer(ALICE, BOB, 1, 1))).result(0) == Result.ACCEPTED
    assert writer.position() == books.core.position
    writer.stop()
    assert stopped == []


def test_many_that_fail_at_once_cost_a_bounded_number_of_transactions(database_url: str) -> None:
    engine, tables = fresh(database_url)
    TAKEN.create(engine)
    books = system(engine, tables)
    begun: list[int] = []
    event.listen(engine, "begin", lambda _: begun.append(1))
    count = 64
    outcomes = books.core.process([taking(1, n + 1, key=n % 2) for n in range(count)])
    assert [isinstance(one, Failed) for one in outcomes] == [False] * 2 + [True] * (count - 2)
    assert len(begun) <= 2 * count
    assert available(books, ALICE) == [998]


def test_a_chain_that_is_taken_back_is_taken_back_whole(database_url: str) -> None:
    engine, tables = fresh(database_url)
    TAKEN.create(engine)
    books = system(engine, tables)
    chain = np.concatenate(
        [transfer(ALICE, BOB, 5, 1, flags=RecordFlag.LINKED), transfer(BOB, CAROL, 5, 0)]
    )
    keep = lambda c, _: c.execute(insert(TAKEN), [{"id": 1}, {"id": 1}]) and None  # noqa: E731
    with pytest.raises(IntegrityError):
        books.ledger.submit(Batch(chain, None, keep))
    assert available(books, ALICE, BOB, CAROL) == [1_000] * 3
    assert books.ledger.submit(many(chain)).results.tolist() == [Result.ACCEPTED] * 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_postgresql_gave_up_may_be_asked_again(database_url: str) -> None:
    books = system(*fresh(database_url))

    def too_long(connection: Connection, answers: Answers) -> None:
        connection.execute(text("SET LOCAL statement_timeout = 20"))
        connection.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(Overloaded):
        books.ledger.submit(Batch(transfer(ALICE, BOB, 1, 1), None, too_long))
    assert books.ledger.submit(many(transfer(ALICE, BOB, 1, 1))).result(0) == Result.ACCEPTED


def impatient(url: str) -> tuple[Engine, Any]:
    """A database whose lock is waited for only a moment at a time."""
    engine, tables = fresh(url)
    engine.dispose()

    @event.listens_for(engine, "connect")
    def hurry(connection: Any, _: object) -> None:
        connection.execute("PRAGMA busy_timeout=20")

    return engine, tables


def test_a_lock_that_somebody_else_holds_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    engine, tables = impatient(url)
    books = system(engine, tables)
    stopped: list[CoreStopped] = []
    writer = GroupCommitWriter(books.core, on_stopped=stopped.append)
    other, _ = fresh(url)
    tries: list[int] = []
    tried = threading.Event()

    def found_busy(error: BaseException) -> bool:
        tries.append(1)
        if len(tries) > 2:
            tried.set()
        return is_busy(error)

    monkeypatch.setattr(writing_module, "is_busy", found_busy)
    with other.execution_options(writes=True).begin():
        waiting = writer.submit_later(many(transfer(ALICE, BOB, 1, 1)))
        assert tried.wait(PATIENCE_S)
        assert not waiting.done()
    assert waiting.result(PATIENCE_S).result(0) == Result.ACCEPTED
    writer.stop()
    assert stopped == []


def test_a_service_that_ends_waits_for_no_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    engine, tables = impatient(url)
    books = system(engine, tables)
    stopped: list[CoreStopped] = []
    writer = GroupCommitWriter(books.core, on_stopped=stopped.append)
    other, _ = fresh(url)
    with other.execution_options(writes=True).begin():
        waiting = writer.submit_later(many(transfer(ALICE, BOB, 1, 1)))
        writer.stop()
        with pytest.raises(CoreStopped):
            waiting.result(PATIENCE_S)
    assert len(stopped) == 1


def test_while_the_past_cannot_be_looked_up_only_what_needs_it_is_turned_away(
    database_url: str,
) -> None:
    engine, tables = fresh(database_url)
    system(engine, tables)
    books = open_ledger(engine, tables, threaded=False, max_unprojected=3)
    many_before = [transfer(ALICE, BOB, 1, sequence) for sequence in range(100, 104)]
    books.ledger.submit(many(*many_before))
    position = books.core.position
    repeat, new, late = books.core.process(
        [many(transfer(BOB, CAROL, 2, 1), transfer(ALICE, BOB, 1, 100)),
         many(transfer(BOB, CAROL, 3, 1)),
         many(transfer(ALICE, BOB, 1, 5))]
    )  # fmt: skip
    assert isinstance(repeat, Failed)
    assert isinstance(late, Failed)
    assert isinstance(repeat.error, Overloaded)
    assert isinstance(new, Answers)
    assert new.positions.tolist() == [position + 1]
    assert available(books, BOB) == [1_001]
    with pytest.raises(Overloaded):
        books.history.statement(ALICE, None, 10)
    with pytest.raises(Overloaded):
        books.ledger.submit(many(transfer(ALICE, BOB, 1, 100)))
    while books.projection.catch_up():
        pass
    assert books.ledger.submit(many(transfer(ALICE, BOB, 1, 100))).repeated.all()
    assert books.ledger.submit(many(transfer(ALICE, BOB, 1, 5))).result(0) == Result.ACCEPTED
