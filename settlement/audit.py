"""Proves a ledger from its database alone: chain, replay, balances, payments, snapshots."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Engine, Row, func, select

from settlement.journal import Entry, Journal, JournalBroken, Tip
from settlement.payment_rows import NAMES, payment_rows
from settlement.postings import Index, Postings, joined, postings_of
from settlement.projection import BALANCES, PAYMENTS
from settlement.records import AccountFlag
from settlement.replay import replay
from settlement.snapshot import Snapshots, SnapshotUnusable, load
from settlement.state import State
from settlement.tables import JournalTables

_MAX_PROBLEMS = 100


@dataclass
class LedgerReport:
    """What an audit found.

    Attributes:
        position: how many records of the journal were read.
        rows: how many of its rows were read.
        sums_fen: for each ledger the sum over all accounts; must be 0.
        problems: one sentence each, naming table and row, at most `_MAX_PROBLEMS`; empty when
            everything was proved.
        state: the state that the journal leads to.
    """

    position: int = 0
    rows: int = 0
    sums_fen: dict[int, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    state: State = field(default_factory=State.empty)

    @property
    def ok(self) -> bool:
        """Whether everything was proved."""
        return not self.problems

    def complain(self, problem: str) -> None:
        """Adds a problem to the report, unless it is full."""
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(problem)


def audit_ledger(engine: Engine, tables: JournalTables) -> LedgerReport:
    """Replays the whole journal and compares every other table of the core with it.

    It only reads, so it may run while the service runs. What it finds is in the report; it raises
    nothing of its own.
    """
    report = LedgerReport()
    journal = Journal(engine, tables)
    with engine.connect() as connection:
        stands = {r.id: r.position for r in connection.execute(select(tables.projected))}
        balances = {r.account: r for r in connection.execute(select(tables.balances))}
        snapshots = {
            r.seq: r.position
            for r in connection.execute(select(tables.snapshot.c.seq, tables.snapshot.c.position))
        }
    projected, balanced = (stands.get(which, 0) for which in (PAYMENTS, BALANCES))
    # Rows of a round of writing that has not ended: they are ahead of the table's position.
    ahead: dict[int, list[Row[Any]]] = {}
    for row in balances.values():
        if row.position > balanced:
            ahead.setdefault(row.position, []).append(row)
    runs = _Runs(engine, tables, report)
    tip = journal.tip()
    at = Tip()
    try:
        for entry, reached in journal.rows(Tip(), until_seq=tip.seq):
            at = reached
            if problem := replay(report.state, entry):
                report.complain(problem)
            if entry.last_position <= projected:
                _check_payments(engine, tables, entry, report)
                runs.add(entry)
            if entry.last_position == balanced:
                _check_balances(balances, balanced, report)
            for row in ahead.pop(entry.last_position, ()):
                _check_balance(row, report)
            if entry.seq in snapshots:
                _check_snapshot(engine, tables, entry.seq, report)
            report.rows += 1
    except JournalBroken as error:
        report.complain(str(error))
    report.position = at.position
    if at.seq < tip.seq and report.ok:
        report.complain(f"table journal, row seq={at.seq + 1} is missing")
    for which, position in stands.items():
        if position > tip.position:
            report.complain(
                f"table projected, row id={which}: position {position} is beyond the journal's"
                f" end {tip.position}"
            )
    for row in itertools.chain.from_iterable(ahead.values()):
        report.complain(
            f"table balances, row account={row.account}: position {row.position} is not one"
            " of the journal's"
        )
    _check_surplus(engine, tables, report)
    _sum(report)
    return report


def _check_payments(
    engine: Engine, tables: JournalTables, entry: Entry, report: LedgerReport
) -> None:
    table = tables.payments
    query = (
        select(table)
        .where(table.c.position >= entry.first_position, table.c.position <= entry.last_position)
        .order_by(table.c.position)
    )
    with engine.connect() as connection:
        found = {row.position: row for row in connection.execute(query)}
    for expected in payment_rows(entry):
        row = found.get(expected[0])
        where = f"table payments, row position={expected[0]}"
        if row is None:
            report.complain(f"{where} is missing")
            continue
        for name, value in zip(NAMES, expected, strict=True):
            have = getattr(row, name)
            if (bytes(have) if isinstance(have, (bytes, memoryview)) else have) != value:
                report.complain(f"{where}: {name} is {have!r}, the journal says {value!r}")


class _Runs:
    """Compares the sealed runs of the index with the journal while that is read."""

    def __init__(self, engine: Engine, tables: JournalTables, report: LedgerReport) -> None:
        self._engine = engine
        self._pages = tables.postings
        self._report = report
        query = select(tables.sealed).order_by(tables.sealed.c.first_position)
        with engine.connect() as connection:
            self._bounds = [(r.first_position, r.last_position) for r in connection.execute(query)]
        self._parts: list[dict[Index, Postings]] = []

    def add(self, entry: Entry) -> None:
        """Takes the next journal row, and checks a run when this row is its last."""
        if not self._bounds:
            return
        self._parts.append(postings_of(entry.records, entry.results, entry.first_position))
        first, last = self._bounds[0]
        if entry.last_position < last:
            return
        for index in Index:
            expected = joined([part[index] for part in self._parts]).sorted()
            found = self._found(first, index)
            if not (
                np.array_equal(found.keys, expected.keys)
                and np.array_equal(found.positions, expected.positions)
            ):
                self._report.complain(
                    f"table postings, rows kind={int(index)}, run={first}:"
                    " not what the journal says"
                )
        self._bounds, self._parts = self._bounds[1:], []

    def _found(self, run: int, index: Index) -> Postings:
        page = self._pages.c
        query = select(self._pages).where(page.kind == int(index), page.run == run)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(page.first_key, page.first_position)).all()
        return Postings(
            np.frombuffer(b"".join(bytes(row.keys) for row in rows), "<i8"),
            np.frombuffer(b"".join(bytes(row.positions) for row in rows), "<u4").astype(np.int64)
            + run,
        )


def _check_surplus(engine: Engine, tables: JournalTables, report: LedgerReport) -> None:
    """Names payments at positions that no record has, or had when they were projected."""
    of, to = tables.payments.c, tables.projected.c
    # In one statement, because payments are projected meanwhile.
    projected = select(to.position).where(to.id == PAYMENTS).scalar_subquery()
    beyond = (of.position > func.coalesce(projected, 0)) | (of.position < 1)
    query = select(of.position).where(beyond).order_by(of.position).limit(10)
    with engine.connect() as connection:
        for position in connection.execute(query).scalars():
            report.complain(f"table payments, row position={position}: not in the journal")


def _check_balances(balances: dict[int, Row[Any]], position: int, report: LedgerReport) -> None:
    """Compares the rows as of this position with the state, which has just reached it."""
    accounts = report.state.accounts
    opened = np.flatnonzero(accounts["flags"] & AccountFlag.OPEN).tolist()
    for number in opened:
        row = balances.get(number)
        if row is None:
            report.complain(f"table balances, row account={number} is missing")
        elif row.position <= position:
            _check_balance(row, report)
    for number in set(balances) - set(opened):
        if balances[number].position <= position:
            report.complain(f"table balances, row account={number}: no such account in the journal")


def _check_balance(row: Row[Any], report: LedgerReport) -> None:
    """Compares one row with the state, which has just reached the row's position."""
    accounts = report.state.accounts
    where = f"table balances, row account={row.account}"
    if not 0 <= row.account < len(accounts):
        report.complain(f"{where}: no such account in the journal")
        return
    for name in ("available_fen", "held_fen", "ledger", "flags"):
        have, expected = getattr(row, name), int(accounts[row.account][name])
        if have != expected:
            report.complain(f"{where}: {name} is {have}, the journal says {expected}")


def _check_snapshot(engine: Engine, tables: JournalTables, seq: int, report: LedgerReport) -> None:
    table = tables.snapshot
    with engine.connect() as connection:
        row = connection.execute(select(table).where(table.c.seq == seq)).first()
    if row is None:
        return
    where = f"table snapshot, row position={row.position}"
    body = b"".join(Snapshots(engine, tables).body(row.position))
    if hashlib.sha256(body).digest() != bytes(row.body_hash):
        report.complain(f"{where}: its parts were changed")
    elif problem := _differs(body, report.state):
        report.complain(f"{where}: {problem}")


def _differs(body: bytes, state: State) -> str:
    """How a snapshot differs from this state, "" when not; room kept in reserve does not count."""
    try:
        same = load(body).equals(state)
    except SnapshotUnusable as error:
        return str(error)
    return "" if same else "not the state that the journal leads to"


def _sum(report: LedgerReport) -> None:
    accounts = report.state.accounts
    opened = accounts[(accounts["flags"] & AccountFlag.OPEN) != 0]
    for ledger in sorted(set(opened["ledger"].tolist())):
        rows = opened[opened["ledger"] == ledger]
        total = int(rows["available_fen"].sum()) + int(rows["held_fen"].sum())
        report.sums_fen[ledger] = total
        if total:
            report.complain(f"ledger {ledger} sums to {total} fen instead of 0")
