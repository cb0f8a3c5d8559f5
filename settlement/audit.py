"""Proves a ledger from its database alone: chain, replay, balances, payments, snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Row, select

from settlement.journal import Journal, JournalBroken, Tip
from settlement.projection import payment_rows
from settlement.records import AccountFlag
from settlement.snapshot import dump
from settlement.state import State
from settlement.tables import JournalTables

_MAX_PROBLEMS = 100


@dataclass
class LedgerReport:
    """What an audit found.

    Attributes:
        position: records in the journal.
        sums_fen: for each ledger the sum over all accounts; must be 0.
        problems: one sentence each, naming table and row; empty when all is proved.
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
        """Notes a problem, up to a bound."""
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(problem)


def audit_ledger(engine: Engine, tables: JournalTables) -> LedgerReport:
    """Replays the whole journal and holds everything else against it.

    Reads only; safe while the service runs.
    """
    report = LedgerReport()
    journal = Journal(engine, tables)
    with engine.connect() as connection:
        row = connection.execute(select(tables.projected)).first()
        projected = (row.position, row.seq) if row is not None else (0, 0)
        balances = {r.account: r for r in connection.execute(select(tables.balances))}
        snapshots = {
            r.seq: r.position
            for r in connection.execute(select(tables.snapshot.c.seq, tables.snapshot.c.position))
        }
    tip = journal.tip()
    at = Tip()
    try:
        for entry, at in journal.rows(Tip(), until_seq=tip.seq):
            results, details = report.state.apply(entry.records)
            if (results != entry.results).any() or (details != entry.details).any():
                report.complain(
                    f"table journal, row seq={entry.seq}: its answers are not the rule's"
                )
            if entry.seq <= projected[1]:
                _check_payments(engine, tables, entry, report)
            if entry.seq == projected[1]:
                _check_balances(balances, report)
            if entry.seq in snapshots:
                _check_snapshot(engine, tables, entry.seq, report)
            report.rows += 1
    except JournalBroken as error:
        report.complain(str(error))
    report.position = at.position
    if at.seq < tip.seq and report.ok:
        report.complain(f"table journal, row seq={at.seq + 1} is missing")
    if projected[1] > tip.seq:
        report.complain(
            f"table projected: position {projected[0]} is beyond the journal's end {tip.position}"
        )
    _check_surplus(engine, tables, projected[0], report)
    _sum(report)
    return report


def _check_payments(
    engine: Engine, tables: JournalTables, entry: Any, report: LedgerReport
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
        row = found.get(expected["position"])
        where = f"table payments, row position={expected['position']}"
        if row is None:
            report.complain(f"{where} is missing")
            continue
        for name, value in expected.items():
            have = getattr(row, name)
            if (bytes(have) if isinstance(have, (bytes, memoryview)) else have) != value:
                report.complain(f"{where}: {name} is {have!r}, the journal says {value!r}")


def _check_surplus(
    engine: Engine, tables: JournalTables, position: int, report: LedgerReport
) -> None:
    table = tables.payments
    query = (
        select(table.c.position)
        .where((table.c.position > position) | (table.c.position < 1))
        .limit(10)
    )
    with engine.connect() as connection:
        current = connection.execute(select(tables.projected.c.position)).scalar() or 0
        for row in connection.execute(query):
            if row.position > current:
                report.complain(f"table payments, row position={row.position}: not in the journal")


def _check_balances(balances: dict[int, Row[Any]], report: LedgerReport) -> None:
    accounts = report.state.accounts
    opened = [n for n in range(len(accounts)) if accounts[n]["flags"] & AccountFlag.OPEN]
    for number in opened:
        row = balances.get(number)
        where = f"table balances, row account={number}"
        if row is None:
            report.complain(f"{where} is missing")
            continue
        for name in ("available_fen", "held_fen", "ledger"):
            if getattr(row, name) != int(accounts[number][name]):
                report.complain(
                    f"{where}: {name} is {getattr(row, name)}, the journal says {int(accounts[number][name])}"
                )
    for number in set(balances) - set(opened):
        report.complain(f"table balances, row account={number}: no such account in the journal")


def _check_snapshot(engine: Engine, tables: JournalTables, seq: int, report: LedgerReport) -> None:
    table = tables.snapshot
    with engine.connect() as connection:
        row = connection.execute(select(table).where(table.c.seq == seq)).first()
    if row is not None and bytes(row.body) != dump(report.state):
        report.complain(
            f"table snapshot, row position={row.position}: not the state that the journal leads to"
        )


def _sum(report: LedgerReport) -> None:
    accounts = report.state.accounts
    opened = accounts[(accounts["flags"] & AccountFlag.OPEN) != 0]
    for ledger in sorted(set(opened["ledger"].tolist())):
        rows = opened[opened["ledger"] == ledger]
        total = int(rows["available_fen"].sum()) + int(rows["held_fen"].sum())
        report.sums_fen[ledger] = total
        if total:
            report.complain(f"ledger {ledger} sums to {total} fen instead of 0")
