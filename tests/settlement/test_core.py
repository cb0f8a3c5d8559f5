"""The core on a database: durable first, exactly once, recovered, audited."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import OperationalError

from settlement.audit import audit_ledger
from settlement.build import open_ledger
from settlement.core import Answers, Batch, Core, CoreStopped, Failed
from settlement.journal import Tip
from settlement.ledger import Overloaded
from settlement.limits import MAX_QUEUED_BATCHES
from settlement.records import RecordFlag, Result
from settlement.writer import GroupCommitWriter
from tests.settlement.books import (
    ALICE,
    BANK,
    BOB,
    CAROL,
    available,
    fresh,
    many,
    system,
    transfer,
)


def test_a_payment_is_answered_and_found(database_url: str) -> None:
    books = system(*fresh(database_url))
    answers = books.ledger.submit(Batch(transfer(ALICE, BOB, 300, 1), [b"for tea"]))
    assert answers.result(0) == Result.ACCEPTED
    assert available(books, ALICE, BOB) == [700, 1_300]
    row = books.history.row(ALICE, 1)
    assert row is not None
    assert (row.amount_fen, bytes(row.note), row.position) == (
        300,
        b"for tea",
        answers.positions[0],
    )
    assert [r.position for r in books.history.statement(BOB, None, 10)] == [row.position, 7]


def test_a_repeat_gets_the_first_answer_after_a_restart_too(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    first = books.ledger.submit(many(transfer(ALICE, BOB, 300, 1), transfer(ALICE, BOB, 9_999, 2)))
    for again in (books, open_ledger(engine, tables, threaded=False)):
        answers = again.ledger.submit(
            many(transfer(ALICE, BOB, 300, 1), transfer(ALICE, BOB, 9_999, 2))
        )
        assert answers.repeated.all()
        assert (answers.results == first.results).all()
        assert (answers.positions == first.positions).all()
        assert available(again, ALICE, BOB) == [700, 1_300]


def test_the_same_id_with_other_content_is_an_error_of_its_own(database_url: str) -> None:
    books = system(*fresh(database_url))
    answers = books.ledger.submit(
        many(
            transfer(ALICE, BOB, 300, 1),
            transfer(ALICE, BOB, 301, 1),
            transfer(ALICE, BOB, 300, 1),
            transfer(ALICE, CAROL, 300, 1),
        )
    )
    assert [Result(r) for r in answers.results] == [
        Result.ACCEPTED,
        Result.ID_REUSED,
        Result.ACCEPTED,
        Result.ID_REUSED,
    ]
    assert answers.repeated.tolist() == [False, False, True, False]
    assert answers.positions[2] == answers.positions[0]
    assert available(books, ALICE) == [700]


def test_nobody_is_refused_for_being_late(database_url: str) -> None:
    books = system(*fresh(database_url))
    books.ledger.submit(many(transfer(ALICE, BOB, 1, 500)))
    answers = books.ledger.submit(
        many(transfer(ALICE, BOB, 1, 7), transfer(ALICE, BOB, 1, 7), transfer(ALICE, BOB, 1, 500))
    )
    assert [Result(r) for r in answers.results] == [Result.ACCEPTED] * 3
    assert answers.repeated.tolist() == [False, True, True]
    again = books.ledger.submit(many(transfer(ALICE, BOB, 1, 7)))
    assert again.repeated.all()
    assert available(books, ALICE) == [998]


def test_recovery_from_a_snapshot_and_the_tail(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    rng = np.random.default_rng(7)
    for sequence in range(1, 40):
        books.ledger.submit(many(transfer(ALICE, BOB, int(rng.integers(1, 40)), sequence)))
        if sequence == 20:
            books.core.snapshot()
    recovered = open_ledger(engine, tables, threaded=False)
    everyone = [BANK, ALICE, BOB, CAROL]
    assert (recovered.ledger.read(everyone) == books.ledger.read(everyone)).all()
    assert recovered.ledger.position() == books.ledger.position()
    assert audit_ledger(engine, tables).problems == []


class _Failing(Core):
    """A core whose commit fails when it is told to, as a full disk would make it."""

    failing = False

    def process(self, batches: Sequence[Batch]) -> list[Answers | Failed]:
        if self.failing:
            batches = [Batch(batch.records, batch.notes, self._fail) for batch in batches]
        return super().process(batches)

    @staticmethod
    def _fail(connection: Connection, answers: Answers) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))


def test_a_failed_commit_is_never_answered_and_stops_the_core(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    core = _Failing(engine, tables, books.journal, books.history)
    stopped: list[CoreStopped] = []
    writer = GroupCommitWriter(core, on_stopped=stopped.append)
    assert writer.submit(many(transfer(ALICE, BOB, 1, 1))).result(0) == Result.ACCEPTED
    core.failing = True
    with pytest.raises(CoreStopped):
        writer.submit(many(transfer(ALICE, BOB, 1, 2)))
    with pytest.raises(CoreStopped):
        writer.submit(many(transfer(ALICE, BOB, 1, 3)))
    with pytest.raises(CoreStopped):
        core.read([ALICE])
    assert len(stopped) == 1
    recovered = open_ledger(engine, tables, threaded=False)
    assert available(recovered, ALICE, BOB) == [999, 1_001]
    assert not recovered.ledger.submit(many(transfer(ALICE, BOB, 1, 2))).repeated.any()


def test_many_threads_one_writer(database_url: str) -> None:
    engine, tables = fresh(database_url)
    system(engine, tables)
    books = open_ledger(engine, tables, threaded=True)
    answered: list[Answers] = []

    def pay(payer: int, payee: int) -> None:
        for sequence in range(1, 51):
            answered.append(books.ledger.submit(many(transfer(payer, payee, 1, sequence))))

    threads = [
        threading.Thread(target=pay, args=pair)
        for pair in ((ALICE, BOB), (BOB, CAROL), (CAROL, ALICE), (ALICE, BOB))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answered) == 200
    assert sum(int(a.repeated.sum()) for a in answered) == 50
    assert available(books, ALICE, BOB, CAROL) == [1_000, 1_000, 1_000]
    books.stop()
    assert audit_ledger(engine, tables).problems == []


def test_a_full_queue_says_so(tmp_path: object) -> None:
    engine, tables = fresh(f"sqlite:///{tmp_path}/test.db")
    books = system(engine, tables)
    gate = threading.Event()
    writer = GroupCommitWriter(books.core, on_stopped=lambda _: None)

    def wait(connection: Connection, answers: Answers) -> None:
        gate.wait(30)

    waiting = [writer.submit_later(Batch(transfer(ALICE, BOB, 1, 1), None, wait))]
    with pytest.raises(Overloaded):
        for sequence in range(2, 100 * MAX_QUEUED_BATCHES):
            waiting.append(writer.submit_later(many(transfer(ALICE, BOB, 1, sequence))))
    gate.set()
    assert all(w.result(30).results.size == 1 for w in waiting)
    writer.stop()


def test_a_batch_must_be_whole() -> None:
    with pytest.raises(ValueError, match="linked"):
        Batch(transfer(ALICE, BOB, 1, 1, flags=RecordFlag.LINKED))
    with pytest.raises(ValueError, match="notes"):
        Batch(transfer(ALICE, BOB, 1, 1), [b"", b""])


def test_the_audit_names_what_was_changed_by_hand(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    books.ledger.submit(many(transfer(ALICE, BOB, 300, 1)))
    books.history.follow_balances()
    assert audit_ledger(engine, tables).ok

    def tampered(statement: object, *names: str) -> None:
        with engine.begin() as connection:
            connection.execute(statement)  # type: ignore[call-overload]
        problems = audit_ledger(engine, tables).problems
        assert problems
        assert all(name in problems[0] for name in names), problems

    balances, payments, journal = tables.balances, tables.payments, tables.journal
    changed = update(balances).where(balances.c.account == ALICE)
    tampered(changed.values(available_fen=701), "balances", f"account={ALICE}", "701")
    with engine.begin() as connection:
        connection.execute(changed.values(available_fen=700))
    lost = select(payments).where(payments.c.position == 9)
    with engine.connect() as connection:
        kept = dict(connection.execute(lost).one()._mapping)
    tampered(delete(payments).where(payments.c.position == 9), "payments", "position=9")
    with engine.begin() as connection:
        connection.execute(insert(payments), kept)
    for position in (0, -1, 10, 10**12):
        made_up = insert(payments).values({**kept, "position": position})
        tampered(made_up, "payments", f"position={position}", "not in the journal")
        with engine.begin() as connection:
            connection.execute(delete(payments).where(payments.c.position == position))
    with engine.connect() as connection:
        body = connection.execute(select(journal.c.body).where(journal.c.seq == 2)).scalar_one()
    forged = bytes(body)[:-3] + bytes([body[-3] ^ 1]) + bytes(body)[-2:]
    tampered(
        update(journal).where(journal.c.seq == 2).values(body=forged), "journal", "seq=2", "hash"
    )


def test_the_projection_can_be_dropped_and_rebuilt(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables)
    books.ledger.submit(many(transfer(ALICE, BOB, 300, 1)))
    books.history.follow()
    books.projection.rebuild()
    assert audit_ledger(engine, tables).problems == []


def test_payments_are_found_in_the_tail_and_in_sealed_runs(database_url: str) -> None:
    engine, tables = fresh(database_url)
    books = system(engine, tables, seal_every=100)
    moves = [transfer(ALICE, BOB, 1 + n % 3, n + 1) for n in range(350)]
    for start in range(0, 350, 50):
        books.ledger.submit(many(*moves[start : start + 50]))
        books.history.follow_balances()
    with engine.connect() as connection:
        assert len(connection.execute(select(tables.sealed)).all()) >= 3
    again = open_ledger(engine, tables, threaded=False, seal_every=100)
    for history in (books.history, again.history):
        found = [history.row(ALICE, n + 1) for n in range(350)]
        assert [row.sequence for row in found if row is not None] == list(range(1, 351))
        assert history.row(ALICE, 351) is None
        whole = history.statement(BOB, None, 1_000)
        assert [row.position for row in whole] == sorted((r.position for r in whole), reverse=True)
        assert [row.sequence for row in whole][:350] == list(range(350, 0, -1))
        middle = whole[170].position
        assert history.statement(BOB, middle, 30) == whole[171:201]
        assert [r.position for r in history.arrivals(BOB, middle, 40)] == [
            row.position for row in whole[130:170][::-1]
        ]
    assert audit_ledger(engine, tables).problems == []
    page = select(tables.postings).where(tables.postings.c.kind == 1).limit(1)
    with engine.connect() as connection:
        row = connection.execute(page).one()
    forged = bytes(row.positions[:-1]) + bytes([row.positions[-1] ^ 1])
    with engine.begin() as connection:
        connection.execute(
            update(tables.postings)
            .where(tables.postings.c.kind == 1, tables.postings.c.run == row.run)
            .values(positions=forged)
        )
    assert "table postings" in audit_ledger(engine, tables).problems[0]


def test_a_signature_is_kept_in_the_journal_and_read_back_by_who_asks(
    database_url: str,
) -> None:
    books = system(*fresh(database_url))
    records = np.concatenate([transfer(ALICE, BOB, 1, 1), transfer(BOB, CAROL, 1, 1)])
    books.ledger.submit(Batch(records, signatures=[b"s" * 64, b""]))
    *_, (signed, _) = books.journal.rows(Tip(), signed=True)
    assert [signed.signature(index) for index in range(2)] == [b"s" * 64, b""]
    *_, (followed, _) = books.journal.rows(Tip())
    assert followed.signatures is None
    assert all(entry.signatures is None for entry in books.journal.read(0))


@pytest.mark.parametrize(
    ("signatures", "message"), [([b"s" * 63], "64 bytes"), ([b"s" * 64] * 2, "differ in number")]
)
def test_a_batch_with_signatures_that_cannot_be_is_refused(
    signatures: list[bytes], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Batch(transfer(ALICE, BOB, 1, 1), signatures=signatures)
