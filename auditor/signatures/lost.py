"""Checks what a bank lost when its database was put back: acts take it up, and acts settle it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, column, select, table

from auditor.books import LOST, MIRROR
from auditor.signatures.acts import Approved
from auditor.signatures.orders import Line, Wrong, read, same
from auditor.signatures.settled import SettledEntries
from auditor.signatures.verifying import Problems
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from language import _
from settlement.records import Kind

_PUT_BACK = ("act", "bank", "number", "hash", "acts_number", "acts_hash", "receipt")
put_backs = table("put_backs", *map(column, _PUT_BACK))
_COME_BACK = ("act", "incarnation", "after_number", "until_number")
_come_backs = table("come_backs", *map(column, _COME_BACK))
_MOVE = ("entry", "amount_fen", "settled_fen", "payer")
_moves = table("lost_moves", *map(column, _MOVE))


def check_put_backs(
    rows: Sequence[Row[Any]],
    names: Mapping[int, str],
    approved: Sequence[Approved],
    last: Sequence[Row[Any]],
) -> tuple[dict[str, list[Row[Any]]], Problems]:
    """Each bank's rows of `put_backs`, oldest first, and those that no act of two officers made.

    Args:
        rows: as `put_back_rows` read them before the acts: the act of each is among these.
        names: of banks by their index.
        approved: the central bank's acts that took effect.
        last: as `put_back_rows` read them after the acts: the row of each act is among them.
    """
    problems, found = Problems(), dict[str, list[Row[Any]]]()
    acts = {act.number: act.content.put_back for act in _of(approved, "put_back")}
    for row in _of_both(rows, last, acts):
        said = acts.pop(row.act, None)
        wanted = office_pb2.PutBack(
            name=names.get(row.bank, ""),
            after_number=row.number,
            after_hash=bytes(row.hash),
            acts_number=row.acts_number,
            acts_hash=bytes(row.acts_hash),
        )
        if said == wanted:
            found.setdefault(said.name, []).append(row)
        else:
            problems.say(
                _("table put_backs, row act={act}: no act of two officers says so").format(
                    act=row.act
                )
            )
    for number in acts:
        problems.say(_("table put_backs: the row of act {number} is missing").format(number=number))
    return found, problems


def put_back_rows(central: Engine) -> Sequence[Row[Any]]:
    """All rows of `put_backs` as they are now, oldest first."""
    with central.connect() as connection:
        return connection.execute(select(put_backs).order_by(put_backs.c.act)).all()


def come_back_rows(engine: Engine) -> Sequence[Row[Any]]:
    """All of a bank's rows of `come_backs` as they stand, oldest first."""
    with engine.connect() as connection:
        return connection.execute(select(_come_backs).order_by(_come_backs.c.act)).all()


def _of_both(
    rows: Sequence[Row[Any]], last: Sequence[Row[Any]], acts: Mapping[int, object]
) -> list[Row[Any]]:
    """Rows that stood before the acts were read, and those that these acts have made since."""
    before = {row.act for row in rows}
    return [*rows, *(row for row in last if row.act not in before and row.act in acts)]


@dataclass
class _Move:
    """A movement out of the bank that was lost, and how much of it is settled, in fen."""

    amount_fen: int
    payer: str
    settled_fen: int = 0


class LostTime:
    """Knows which entries of a feed may be about lost movements, and follows what they move."""

    def __init__(
        self,
        engine: Engine,
        come_backs: Sequence[Row[Any]],
        put_back: Sequence[Row[Any]],
        approved: Sequence[Approved],
    ) -> None:
        """Reads the bank's rows of `come_backs`, and compares them with acts.

        Args:
            engine: of the bank.
            come_backs: as `come_back_rows` read them before the acts.
            put_back: its rows at the central bank, each with an act of two officers there.
            approved: acts of the bank's own officers.
        """
        self.problems = Problems()
        self.moves: dict[int, _Move] = {}
        self._engine = engine
        self._windows: list[tuple[int, int]] = []
        let = {row.act for row in put_back}
        acts = {act.number: act.content.come_back for act in _of(approved, "come_back")}
        for row in _of_both(come_backs, come_back_rows(engine), acts):
            said = acts.pop(row.act, None)
            told = (row.incarnation, row.after_number, row.until_number)
            where = _("table come_backs, row act={act}").format(act=row.act)
            if said is None or told != (said.incarnation, said.after_number, said.until_number):
                self.problems.say(_("{where}: no act of two officers says so").format(where=where))
            elif row.incarnation not in let:
                self.problems.say(
                    _("{where}: the central bank has not put the bank back so").format(where=where)
                )
            else:
                self._windows.append((row.after_number, row.until_number))
        for number in acts:
            self.problems.say(
                _("table come_backs: the row of act {number} is missing").format(number=number)
            )

    def has(self, line: Line) -> bool:
        """Whether the entry that a record comes from may be about a lost movement."""
        number = read(registration_pb2.FeedEntry, line.note).number
        return any(after < number <= until for after, until in self._windows)

    def moved(self, line: Line, said: Line, settled: SettledEntries) -> None:
        """Takes a record of the feed out of LOST; raises Wrong unless that was lost.

        Args:
            line: the bank's record.
            said: the central bank's record of the same entry.
            settled: the central bank's journal.
        """
        entry = read(registration_pb2.FeedEntry, line.note)
        if not self.has(line):
            raise Wrong(_("no act of two officers lets it speak of what was lost"))
        ours = said.origin in (settled.circulation, settled.office)
        if not ours or (line.debit, line.credit) != (LOST, MIRROR):
            raise Wrong(
                _("the central bank's position {position} says something else").format(
                    position=said.position
                )
            )
        if line.kind == Kind.REFUSAL and not said.accepted:
            return
        if line.kind != Kind.TRANSFER or not said.accepted or said.debit != settled.circulation:
            raise Wrong(
                _("the central bank's position {position} took nothing from the bank").format(
                    position=said.position
                )
            )
        same("amount", said.amount_fen, line.amount_fen)
        payer = ""
        if entry.WhichOneof("event") == "outgoing_settled":
            payer = read(registration_pb2.OutboundPayment, said.note).payer_number
        self.moves[entry.number] = _Move(line.amount_fen, payer)

    def settled(self, asked: office_pb2.SettleLost) -> None:
        """Takes an act that settled some of an entry; raises Wrong for more than was lost."""
        move = self.moves.get(asked.entry)
        if move is None:
            raise Wrong(_("nothing was lost by entry {entry}").format(entry=asked.entry))
        if asked.wallet_number and asked.wallet_number != move.payer:
            raise Wrong(
                _("the payer of entry {entry} is {payer}").format(
                    entry=asked.entry, payer=move.payer or _("not known")
                )
            )
        move.settled_fen += asked.amount_fen
        if move.settled_fen > move.amount_fen:
            raise Wrong(_("more is settled than entry {entry} has lost").format(entry=asked.entry))

    def finish(self) -> Problems:
        """What is wrong; call it at the end of the journal."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_moves)).all()
        stand = {row.entry: _Move(row.amount_fen, row.payer, row.settled_fen) for row in rows}
        for entry in sorted({*stand, *self.moves}):
            if stand.get(entry) != self.moves.get(entry):
                self.problems.say(
                    _(
                        "table lost_moves, row entry={entry}: the journal says something else"
                    ).format(entry=entry)
                )
        return self.problems


def _of(approved: Sequence[Approved], kind: str) -> list[Approved]:
    return [act for act in approved if act.content.WhichOneof("kind") == kind]
