"""Compares a bank's rows about its suspense account with its journal.

What comes into suspense is known by the journal position that brought it in. It leaves once, by a
hold for its return or by a payment to a wallet; that record's sequence is the position. A refused
record has used up its sequence, so the next one has the refused record's position as its sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Row, column, func, select, table

from auditor.books import SUSPENSE
from language import _
from settlement.journal import Entry, Journal, JournalBroken, Tip
from settlement.records import Kind, Result
from settlement.tables import JournalTables

_suspense = table("suspense", *(column(name) for name in ("position", "amount_fen", "paid")))
_undeliverable = table("undeliverable", *(column(name) for name in ("position", "returned")))


@dataclass
class _Story:
    """What the journal says: fen in suspense and paid out, by the position that brought them in.

    Attributes:
        lies: fen that are in suspense.
        paid: fen that were paid out to a wallet.
        stands_for: the position that a later sequence stands for, after a refusal.
    """

    lies: dict[int, int] = field(default_factory=dict)
    paid: dict[int, int] = field(default_factory=dict)
    stands_for: dict[int, int] = field(default_factory=dict)

    def read(self, entry: Entry) -> None:
        """Follows the records of a journal row that touch the suspense account."""
        records, results = entry.records, entry.results
        touching = (records["debit"] == SUSPENSE) | (records["credit"] == SUSPENSE)
        touching |= results == Result.UNDELIVERABLE
        for i in touching.nonzero()[0].tolist():
            record, position = records[i], entry.first_position + i
            kind, fen = Kind(int(record["kind"])), int(record["amount_fen"])
            accepted = Result(int(results[i])).accepted
            if kind in (Kind.DELIVER, Kind.RELEASE) and accepted:
                self.lies[position] = fen
            elif kind in (Kind.HOLD, Kind.TRANSFER):
                sequence = int(record["sequence"])
                source = self.stands_for.pop(sequence, sequence)
                if not accepted:
                    self.stands_for[position] = source
                elif self.lies.pop(source, None) is not None and kind == Kind.TRANSFER:
                    self.paid[source] = fen


def suspense_problems(engine: Engine, tables: JournalTables) -> list[str]:
    """A sentence for each row that differs from the journal."""
    with engine.connect() as connection:
        end = connection.execute(select(func.max(tables.journal.c.seq))).scalar() or 0
        rows = connection.execute(select(_suspense)).all()
        waiting = select(_undeliverable.c.position).where(_undeliverable.c.returned == 0)
        to_return = set(connection.execute(waiting).scalars())
    story = _Story()
    try:
        for entry, _rest in Journal(engine, tables).rows(Tip(), until_seq=end):
            story.read(entry)
    except JournalBroken:
        return []  # the journal's own audit names the row
    return _compare(story, {row.position: row for row in rows}, to_return)


def _compare(story: _Story, rows: Mapping[int, Row[Any]], to_return: set[int]) -> list[str]:
    lies = {position: fen for position, fen in story.lies.items() if position not in to_return}
    found: list[str] = []
    for position in sorted({*lies, *story.paid, *rows}):
        row = rows.get(position)
        said = "missing" if row is None else _said(row.amount_fen, paid=bool(row.paid))
        true = "nothing"
        if position in lies:
            true = _said(lies[position], paid=False)
        elif position in story.paid:
            true = _said(story.paid[position], paid=True)
        if said != true:
            found.append(
                _(
                    "table suspense, row position={position}: it is {said}, the journal says {true}"
                ).format(position=position, said=said, true=true)
            )
    found += [
        _(
            "table undeliverable, row position={position}: it waits for its return, by the journal "
            "it has left suspense"
        ).format(position=position)
        for position in sorted(to_return - set(story.lies))
    ]
    return found


def _said(fen: int, *, paid: bool) -> str:
    return (_("{fen} fen paid out") if paid else _("{fen} fen in suspense")).format(fen=fen)
