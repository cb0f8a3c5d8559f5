"""Payers who keep several batches on their way while the plug is pulled, and what must hold then.

As a program (`python -m tests.settlement.payers URL PLUG NUMBER REASON`) they pay in a process of
their own, which pulls the plug on itself, says what it was answered and ends as if killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import pytest
from sqlalchemy import Engine

from settlement.audit import audit_ledger
from settlement.build import LedgerBundle, open_ledger
from settlement.core import Answers, Batch, CoreStopped
from settlement.records import RecordFlag, Result
from settlement.tables import JournalTables
from settlement.writer import GroupCommitWriter
from tests.settlement.books import (
    ALICE,
    BANK,
    BOB,
    CAROL,
    answered,
    available,
    fresh,
    many,
    transfer,
)

PAYERS = (ALICE, BOB, CAROL)
IN_FLIGHT = 8
MOST_BATCHES = 200
PATIENCE_S = 10.0
_SEQUENCES_EACH = 20
_FIRST_SEQUENCE = 100


def batch_of(payer: int, number: int) -> Batch:
    """What a payer sends as its batch number 0, 1, …: always the same, the last two linked."""
    rng = np.random.default_rng((payer, number))
    others = [account for account in PAYERS if account != payer]
    first = _FIRST_SEQUENCE + number * _SEQUENCES_EACH
    count = int(rng.integers(3, _SEQUENCES_EACH))
    records = [
        transfer(payer, int(rng.choice(others)), int(rng.choice([1, 2, 3, 50, 9_000])), first + n)
        for n in range(count)
    ]
    records[-2]["flags"] = RecordFlag.LINKED
    records[-1]["sequence"] = 0
    return many(*records)


def _ids(batch: Batch) -> list[tuple[int, int]]:
    """(origin, sequence) of the records that have one."""
    named = batch.records[batch.records["sequence"] != 0]
    return list(zip(named["origin"].tolist(), named["sequence"].tolist(), strict=True))


@dataclass
class Payer:
    """One thread that sends batch after batch and reads the answers later.

    Attributes:
        answers: for each batch that was taken its answers; None where it ended with CoreStopped.
        turned_away: whether a batch was refused because the core had stopped, in the end.
    """

    account: int
    answers: list[Answers | None] = field(default_factory=list)
    turned_away: bool = False

    def __post_init__(self) -> None:
        self._batches = [batch_of(self.account, number) for number in range(MOST_BATCHES)]

    def run(self, writer: GroupCommitWriter) -> None:
        """Until the core has stopped, and then until every batch has been answered."""
        waiting: deque[Future[Answers]] = deque()
        for batch in self._batches:
            try:
                waiting.append(writer.submit_later(batch))
            except CoreStopped:
                break
            if len(waiting) == IN_FLIGHT:
                self._end(waiting.popleft())
        while waiting:
            self._end(waiting.popleft())
        self.turned_away = len(self.answers) < MOST_BATCHES

    def _end(self, future: Future[Answers]) -> None:
        try:
            self.answers.append(future.result(PATIENCE_S))
        except CoreStopped:
            self.answers.append(None)


Outcomes = dict[int, list[Answers | None]]
"""By payer, in the order of sending."""


def writers() -> set[threading.Thread]:
    """The threads of cores that run now."""
    return {one for one in threading.enumerate() if one.name.startswith("settlement-")}


def pay_until_stopped(
    engine: Engine, tables: JournalTables, plug: Callable[[LedgerBundle], None], *, reason: str
) -> Outcomes:
    """Pays from all payers at once; the core must stop for this reason before they are done."""
    stopped: list[CoreStopped] = []
    before = writers()
    books = open_ledger(engine, tables, threaded=True, on_stopped=stopped.append)
    writer = books.ledger
    assert isinstance(writer, GroupCommitWriter)
    payers = [Payer(account) for account in PAYERS]
    plug(books)
    threads = [threading.Thread(target=payer.run, args=(writer,)) for payer in payers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE_S)
    assert all(payer.turned_away for payer in payers), "each future ends, the core stops"
    _nothing_more_is_taken(books)
    books.stop()
    for thread in writers() - before:
        thread.join(PATIENCE_S)
    assert writers() == before
    assert len(stopped) == 1
    assert reason in str(stopped[0])
    answers = [answer for payer in payers for answer in payer.answers]
    assert sum(answer is None for answer in answers) > 1, "several were on their way"
    assert any(answer is not None for answer in answers), "it worked before"
    return {payer.account: payer.answers for payer in payers}


def _nothing_more_is_taken(books: LedgerBundle) -> None:
    position = books.ledger.position()
    late = many(transfer(ALICE, BOB, 1, 1))
    for ask in (
        lambda: books.ledger.submit(late),
        lambda: books.ledger.submit_later(late),  # type: ignore[attr-defined]
        lambda: books.ledger.read([ALICE]),
        lambda: books.core.process([late]),
        lambda: books.core.read([ALICE]),
        books.core.policies,
        books.core.snapshot,
    ):
        with pytest.raises(CoreStopped):
            ask()
    assert books.ledger.position() == books.core.position == position
    assert not books.ledger.wait(position, 0.0)


def kept(url: str, outcomes: Outcomes) -> list[bool]:
    """For each batch that ended with CoreStopped whether it is there after a restart.

    Holds everything else against a fresh core: who was answered is there with that answer, who was
    not is there wholly or not at all, nothing is there that was sent after something lost, and
    each may be sent again and counts once.
    """
    engine, tables = fresh(url)
    books = open_ledger(engine, tables, threaded=False)
    assert books.history.find(ALICE, 1) is None, "what came after the stop was not taken"
    sent = [
        (payer, number) for payer, answers in outcomes.items() for number in range(len(answers))
    ]
    batches = {which: batch_of(*which) for which in sent}
    found = books.history.find_many([one for batch in batches.values() for one in _ids(batch)])
    there: set[tuple[int, int]] = set()
    for payer, number in sent:
        ids, answer = _ids(batches[payer, number]), outcomes[payer][number]
        ends = [(found[one].result, found[one].position) for one in ids if one in found]
        assert len(ends) in (0, len(ids)), "there wholly or not at all"
        if ends:
            there.add((payer, number))
            assert number == 0 or (payer, number - 1) in there, "nothing after what was lost"
        if answer is not None:
            told = zip(answer.results.tolist(), answer.positions.tolist(), strict=True)
            assert ends == list(told)[: len(ends)], "who was answered is there, with that answer"
    _check_money(books, [batches[which] for which in there])
    again = answered(books, list(batches.values()))
    for which, answers in zip(sent, again, strict=True):
        assert set(answers.repeated.tolist()) == {which in there}
    _check_money(books, list(batches.values()))
    books.history.follow_balances()
    assert audit_ledger(engine, tables).problems == []
    engine.dispose()
    return [which in there for which in sent if outcomes[which[0]][which[1]] is None]


def _check_money(books: LedgerBundle, there: Sequence[Batch]) -> None:
    """Each account has what its statement says, and its statement has what is there, once."""
    for account in PAYERS:
        rows = books.history.statement(account, None, 100_000)
        sent = sum(int((batch.records["debit"] == account).sum()) for batch in there)
        assert sum(row.debit == account for row in rows) == sent
        moved = [row for row in rows if row.result == Result.ACCEPTED]
        came = sum(row.amount_fen for row in moved if row.credit == account)
        went = sum(row.amount_fen for row in moved if row.debit == account)
        assert available(books, account) == [came - went]
    assert sum(available(books, BANK, *PAYERS)) == 0


def _limit_files(path: str, spare: int) -> None:
    """No file may grow further than this."""
    size = max(os.path.getsize(path + end) for end in ("", "-wal") if os.path.exists(path + end))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + spare, resource.RLIM_INFINITY))


def _main(url: str, plug: str, number: int, reason: str) -> None:
    engine, tables = fresh(url)

    def pull(_: LedgerBundle) -> None:
        if plug == "fsync":
            syncs_left = ctypes.c_long.in_dll(ctypes.CDLL(None), "syncs_left")
            syncs_left.value = number
        else:
            _limit_files(engine.url.database or "", number)

    outcomes = pay_until_stopped(engine, tables, pull, reason=reason)
    said = {
        payer: [
            None if one is None else [one.results.tolist(), one.positions.tolist()]
            for one in answers
        ]
        for payer, answers in outcomes.items()
    }
    os.write(1, json.dumps(said).encode())
    os._exit(0)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
