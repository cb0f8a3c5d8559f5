"""However records are put into batches and commits: as if each had been alone in the world.

Nothing may differ: results, details (the references of holds), repeats, positions, accounts.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from settlement.audit import audit_ledger
from settlement.build import LedgerBundle, open_ledger
from settlement.core import Batch
from settlement.limits import MAX_BATCH_RECORDS
from settlement.records import Accounts, Kind, RecordFlag, Records, Result
from settlement.tables import JournalTables
from tests.settlement.books import answered, fresh
from tests.settlement.traffic import ACCOUNTS, Ends, OneByOne, setup, traffic

SEAL_EVERY = 500
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
"""A seed does not become a simpler one by being smaller."""

seeds = st.integers(0, 2**32)
few = st.lists(st.sampled_from([1, 2, 7, 63, 64, 65]), min_size=1, max_size=6)
commits = st.lists(st.integers(1, 8), min_size=1, max_size=4)
pauses = st.lists(
    st.sampled_from(["", "", "restart", "project", "snapshot", "project and restart"]),
    min_size=1,
    max_size=4,
)


class Books:
    """A core over a database that need not outlive this test."""

    def __init__(self, folder: str) -> None:
        self.engine, self.tables = _careless(f"sqlite:///{folder}/test.db")
        self.ends = Ends()
        self.books = self._open()
        self.commit([setup()])

    def _open(self) -> LedgerBundle:
        return open_ledger(self.engine, self.tables, threaded=False, seal_every=SEAL_EVERY)

    def commit(self, batches: Sequence[Records]) -> None:
        """Gives the core some batches for one commit."""
        for answers in answered(self.books, [Batch(records) for records in batches]):
            self.ends.results += answers.results.tolist()
            self.ends.details += answers.details.tolist()
            self.ends.repeated += answers.repeated.tolist()
            self.ends.positions += answers.positions.tolist()

    def pause(self, what: str) -> None:
        """What may happen between two commits."""
        if "project" in what:
            self.books.history.follow()
        if "snapshot" in what:
            self.books.core.snapshot()
        if "restart" in what:
            self.books = self._open()

    def accounts(self) -> Accounts:
        """The rows of all accounts."""
        return self.books.core.read(range(ACCOUNTS))

    def problems(self) -> list[str]:
        """What an audit of the database finds."""
        self.books.history.follow_balances()
        return audit_ledger(self.engine, self.tables).problems


def _careless(url: str) -> tuple[Engine, JournalTables]:
    """A database that waits for no disk."""
    engine, tables = fresh(url)
    engine.dispose()

    @event.listens_for(engine, "connect")
    def hurry(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    return engine, tables


def packed(units: list[Records], sizes: list[int]) -> list[Records]:
    """Units in batches of these sizes in turn; a chain longer than a size is one batch."""
    batches: list[list[Records]] = [[]]
    turns = itertools.cycle(sizes)
    room = next(turns)
    for unit in units:
        if batches[-1] and room < len(unit):
            batches.append([])
            room = next(turns)
        batches[-1].append(unit)
        room -= len(unit)
    return [np.concatenate(batch) for batch in batches]


def run(books: Books, batches: list[Records], commits: list[int], pauses: list[str]) -> None:
    """Gives the batches to the core, so many at once, with these pauses in turn."""
    left = iter(batches)
    for size, pause in zip(itertools.cycle(commits), itertools.cycle(pauses), strict=False):
        if not (some := list(itertools.islice(left, size))):
            return
        books.commit(some)
        books.pause(pause)


def one_by_one(units: list[Records]) -> OneByOne:
    """The model after all units."""
    model = OneByOne()
    for unit in (*setup()[:, None], *units):
        model.take(unit)
    return model


def check(books: Books, model: OneByOne, units: list[Records]) -> None:
    """The same answers and accounts, and a database that proves itself."""
    records = np.concatenate([setup(), *units])
    for name in ("results", "repeated", "positions", "details"):
        have, expected = np.array(getattr(books.ends, name)), np.array(getattr(model.ends, name))
        for at in np.flatnonzero(have != expected)[:1]:
            raise AssertionError(f"{name} of {at}, {records[at]}: {have[at]}, not {expected[at]}")
    assert books.accounts().tobytes() == model.state.copy_accounts(range(ACCOUNTS)).tobytes()
    assert books.problems() == []


@settings(max_examples=7, deadline=None, phases=PHASES, derandomize=True)
@given(seeds, few, commits, pauses)
def test_batches_and_commits_do_not_matter(
    seed: int, sizes: list[int], commits: list[int], pauses: list[str]
) -> None:
    units = traffic(seed, 250, chains=True)
    model = one_by_one(units)
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as together:
        serial = Books(alone)
        run(serial, units, [1], [""])
        check(serial, model, units)
        grouped = Books(together)
        run(grouped, packed(units, sizes), commits, pauses)
        check(grouped, model, units)


@settings(max_examples=3, deadline=None, phases=PHASES, derandomize=True)
@given(seeds, few, commits, pauses, st.booleans())
def test_large_batches_are_many_small_ones(
    seed: int, sizes: list[int], commits: list[int], pauses: list[str], chains: bool
) -> None:
    units = traffic(seed, 2 * MAX_BATCH_RECORDS, chains=chains)
    with tempfile.TemporaryDirectory() as folder:
        books = Books(folder)
        run(books, packed(units, [*sizes, MAX_BATCH_RECORDS]), commits, pauses)
        check(books, one_by_one(units), units)


def test_the_traffic_has_everything_in_it() -> None:
    units = traffic(2_026, 2 * MAX_BATCH_RECORDS, chains=True)
    model = one_by_one(units)
    ends, records = model.ends, np.concatenate(units)
    of_setup = len(setup())
    results = np.array(ends.results)[of_setup:]
    for kind in (Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.RELEASE, Kind.DELIVER):
        assert (results[records["kind"] == kind] < Result.MALFORMED).sum() > 50, kind
    chained = (records["flags"] & RecordFlag.LINKED) != 0
    repeated = np.array(ends.repeated)[of_setup:]
    assert (results[chained] == Result.ACCEPTED).sum() > 50
    assert (repeated & chained).sum() > 50
    assert (repeated & chained & (records["kind"] == Kind.HOLD)).any()
    assert repeated.sum() > 500
    assert model.late > 200
    refused = {Result.ID_REUSED, Result.EXPIRED, Result.SAME_ACCOUNT, Result.INSUFFICIENT_FUNDS}
    limits = {Result.OVER_SINGLE_LIMIT, Result.OVER_DAY_LIMIT, Result.OVER_YEAR_LIMIT}
    assert refused | limits | {Result.OVER_BALANCE_CAP, Result.UNDELIVERABLE} <= set(
        results.tolist()
    )
