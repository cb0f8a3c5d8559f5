"""Finds older copies: what one side of a feed once had, as the other proves, and no longer has.

The three equations do not show them. What the central bank settled counts as on its way until the
bank has applied it, whether or not the bank still knows of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import column, select, table

from auditor.books import (
    CIRCULATION,
    DEPOSITS,
    OFFICE,
    REDEMPTION_RESERVE,
    SUSPENSE,
    Owned,
)
from auditor.signatures.feed import Unsaid
from auditor.signatures.orders import Line, Wrong, lines, read
from auditor.signatures.positions import Positions
from auditor.signatures.stack import Ledger
from auditor.signatures.verifying import Problems
from currency.amount import format_yuan
from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from language import N_, _
from settlement.journal import Journal, JournalBroken, Tip
from settlement.records import Kind

_LOAD = purposes_pb2.PURPOSE_TOKEN_LOAD
_place = table("feed_place", *map(column, ("number", "position")))
_receipts = table("feed_receipts", *map(column, ("bank", "number", "journal_position")))
_deposits = table("token_deposits", *map(column, ("id", "digest")))


def older_centre(unsaid: dict[str, Unsaid]) -> list[str]:
    """A sentence for each bank that has applied what the central bank's journal does not have.

    Args:
        unsaid: by bank, the entries that it has applied.
    """
    return [
        _(
            "the central bank is an older copy: bank {name} has applied {entries}, which the "
            "central bank signed and does not have"
        ).format(name=name, entries=_entries(one))
        for name, one in unsaid.items()
    ]


def older_bank(name: str, index: int, bank: Ledger, central: Ledger) -> list[str]:
    """Sentences about what a bank once did, as the central bank proves, and no longer has.

    Args:
        name: the bank's.
        index: the bank's id at the central bank.
        bank: its ledger; what it has journaled since its replay is looked at too.
        central: the central bank's ledger, which was replayed later.
    """
    with central.engine.connect() as connection:
        query = select(_receipts).where(_receipts.c.bank == index)
        receipt = connection.execute(query).first()
    acknowledged, ended = (receipt.number, receipt.journal_position) if receipt else (0, 0)
    # Read after the receipt: what a bank has acknowledged it has written down before.
    with bank.engine.connect() as connection:
        stands = connection.execute(select(_place)).first()
    number, position = (stands.number, stands.position) if stands is not None else (0, 0)
    told = _Told(name, bank, _own(Owned.of(central.engine), index))
    try:
        for line in _after(central, position):
            told.take(line, number, acknowledged)
    except JournalBroken:
        return []  # the journal's own audit names the row
    ends = Journal(bank.engine, bank.tables).tip().position
    return told.problems(acknowledged - number, ended - ends)


@dataclass(frozen=True)
class _Own:
    """A bank's accounts at the central bank."""

    circulation: int
    deposits: int
    office: int


def _own(accounts: Owned, bank: int) -> _Own:
    return _Own(*(accounts.number(bank, purpose) for purpose in (CIRCULATION, DEPOSITS, OFFICE)))


class _What(NamedTuple):
    """What the central bank did, and with what, in words."""

    verb: str
    noun: str
    more: str = ""


@dataclass
class _Sum:
    """How many of a kind there are, and their sum."""

    count: int = 0
    fen: int = 0


@dataclass
class _Told:
    """What the central bank has to tell a bank after the place that its feed has reached."""

    name: str
    bank: Ledger
    own: _Own
    entries: int = 0
    applied_before: Unsaid = field(default_factory=Unsaid)
    lost: dict[_What, _Sum] = field(default_factory=dict)
    each: Problems = field(default_factory=Problems)

    def __post_init__(self) -> None:
        self._positions = Positions(self.bank.engine, self.bank.tables)
        self._reserved_fen: dict[int, int] | None = None

    def take(self, line: Line, number: int, acknowledged: int) -> None:
        """Takes a record of the central bank's journal after what the bank has applied.

        Args:
            line: the record.
            number: of the last entry that the bank has applied.
            acknowledged: the number up to which the bank once acknowledged its feed.
        """
        if line.kind not in (Kind.TRANSFER, Kind.REFUSAL):
            return
        own = self.own
        ours = line.origin == own.circulation or (
            line.origin == own.office and line.debit == own.circulation
        )
        took = line.accepted and own.circulation in (line.credit, line.debit)
        deposited = line.accepted and line.origin == own.deposits
        if not (ours or deposited or (took and line.credit == own.circulation)):
            return
        self.entries += 1
        if number + self.entries <= acknowledged:
            before = self.applied_before
            before.entries += 1
            before.in_fen += line.amount_fen if took and line.credit == own.circulation else 0
            before.out_fen += line.amount_fen if took and line.debit == own.circulation else 0
        if line.origin == own.circulation:
            self._outgoing(line)
        elif deposited:
            self._deposit(line)
        elif ours and line.accepted:
            self._redemption(line)

    def _outgoing(self, line: Line) -> None:
        """Something that the bank sent. Before that it put a hold on the money, so it has one."""
        load = line.purpose == _LOAD
        held = self._positions.at(line.sequence)
        if held is not None and held.kind == Kind.HOLD and held.accepted:
            if held.amount_fen == line.amount_fen and _same_order(held, line, load=load):
                return
            beside = _("its number {sequence} stands for another order at the bank").format(
                sequence=line.sequence
            )
        else:
            beside = _("the bank holds no money for it")
        noun, more, one = "payment", "", _payment(line)
        if load:
            noun, more = "load", N_(" of offline money")
            one = _("load {sequence} of {yuan} yuan").format(
                sequence=line.sequence, yuan=format_yuan(line.amount_fen)
            )
        did = N_("settled") if line.accepted else N_("turned down")
        self._lose(
            line,
            _What(did, noun, more),
            _("{one} is {did}, and {beside}").format(one=one, did=_(did), beside=beside),
        )

    def _deposit(self, line: Line) -> None:
        try:
            note = read(registration_pb2.TokensDeposited, line.note)
        except Wrong:
            return  # the walk through the central bank's journal names it
        with self.bank.engine.connect() as connection:
            query = select(_deposits.c.digest).where(_deposits.c.id == note.number)
            digest = connection.execute(query).scalar()
        if digest is None or bytes(digest) != note.payment_digest:
            what = _("deposit {number} of {yuan} yuan offline money").format(
                number=note.number, yuan=format_yuan(line.amount_fen)
            )
            said = _("{what} is redeemed, and the bank has no such deposit").format(what=what)
            self._lose(line, _What(N_("redeemed"), "deposit", N_(" of offline money")), said)

    def _redemption(self, line: Line) -> None:
        if self._reserved_fen is None:
            self._reserved_fen = _reserved(self.bank)
        if self._reserved_fen.get(line.sequence) != line.amount_fen:
            what = _("redemption {sequence} of {yuan} yuan").format(
                sequence=line.sequence, yuan=format_yuan(line.amount_fen)
            )
            said = _("{what} is made, and the bank has not reserved it").format(what=what)
            self._lose(line, _What(N_("made"), "redemption"), said)

    def _lose(self, line: Line, what: _What, said: str) -> None:
        found = self.lost.setdefault(what, _Sum())
        # Only the first record of a deposit has a number; the rest are what other accounts pay.
        found.count += 1 if line.sequence else 0
        found.fen += line.amount_fen
        self.each.say(
            _("{bank}: central bank's position {position}: {said}").format(
                bank=self.name, position=line.position, said=said
            )
        )

    def problems(self, ahead: int, records: int) -> list[str]:
        """Sentences about what was found.

        Args:
            ahead: how many more entries the bank once acknowledged than it has applied now.
            records: how many more records its journal once had, by its own receipt.
        """
        found = []
        older = _("bank {bank} is an older copy").format(bank=self.name)
        if ahead > 0:
            found.append(
                _(
                    "{older}: it had applied {entries} more than now, and signed that to the "
                    "central bank"
                ).format(older=older, entries=_entries(self.applied_before))
            )
        if records > 0:
            found.append(
                _(
                    "{older}: its journal had {count} more than now, and it signed that to the "
                    "central bank"
                ).format(older=older, count=_count(records, "record"))
            )
        for what, lost in self.lost.items():
            found.append(
                _(
                    "{older}: the central bank {verb} {count}{more} of {fen} yuan that it does "
                    "not have"
                ).format(
                    older=older,
                    verb=_(what.verb),
                    count=_count(lost.count, what.noun),
                    more=_(what.more),
                    fen=format_yuan(lost.fen),
                )
            )
        return found + self.each.all()


def _entries(some: Unsaid) -> str:
    yuan = _("{inward} yuan in, {out} yuan out").format(
        inward=format_yuan(some.in_fen), out=format_yuan(some.out_fen)
    )
    entries = (
        _("1 entry") if some.entries == 1 else _("{entries} entries").format(entries=some.entries)
    )
    return _("{entries} of its feed ({yuan})").format(entries=entries, yuan=yuan)


_COUNTED = {
    "record": (N_("{number} record"), N_("{number} records")),
    "payment": (N_("{number} payment"), N_("{number} payments")),
    "load": (N_("{number} load"), N_("{number} loads")),
    "deposit": (N_("{number} deposit"), N_("{number} deposits")),
    "redemption": (N_("{number} redemption"), N_("{number} redemptions")),
}


def _count(number: int, noun: str) -> str:
    one, many = _COUNTED[noun]
    return _(one if number == 1 else many).format(number=number)


def _payment(line: Line) -> str:
    """A payment of the central bank's journal, in words."""
    yuan = _("{yuan} yuan").format(yuan=format_yuan(line.amount_fen))
    try:
        payment = read(registration_pb2.OutboundPayment, line.note)
    except Wrong:
        return _("payment {sequence} of {yuan}").format(sequence=line.sequence, yuan=yuan)
    return _("payment {payment_id} of {yuan} to {payee_number}").format(
        payment_id=payment.payment_id, yuan=yuan, payee_number=payment.payee_number
    )


def _same_order(held: Line, line: Line, *, load: bool) -> bool:
    """Whether a hold is for the very order that the central bank settled."""
    held_for_load = held.purpose == _LOAD
    if load or held_for_load:
        return load and held_for_load
    try:
        payment = read(registration_pb2.OutboundPayment, line.note)
        if held.origin == SUSPENSE:
            back = read(registration_pb2.OutboundPayment, held.note)
            return (back.payment_id, back.payee_number) == (
                payment.payment_id,
                payment.payee_number,
            )
        order = read(orders_pb2.PaymentOrder, held.note)
    except Wrong:
        return False
    return (order.wallet_number, order.payee_number, order.sequence) == (
        payment.payer_number,
        payment.payee_number,
        _sequence(payment.payment_id),
    )


def _sequence(payment_id: str) -> int:
    _number, _dash, sequence = payment_id.rpartition("-")
    return int(sequence) if sequence.isdecimal() else 0


def _after(ledger: Ledger, position: int) -> Iterator[Line]:
    """The records after a position, up to where the ledger was replayed."""
    journal, end = Journal(ledger.engine, ledger.tables), ledger.report.position
    while position < end:
        entries = journal.read(position)
        if not entries:
            return
        for entry in entries:
            for line in lines(entry):
                if position < line.position <= end:
                    yield line
            position = max(position, entry.last_position)


def _reserved(ledger: Ledger) -> dict[int, int]:
    """Reserved fen by the number of their redemption. It reads the whole journal; it is rare."""
    found: dict[int, int] = {}
    for entry, _rest in Journal(ledger.engine, ledger.tables).rows(Tip()):
        if not (entry.records["origin"] == REDEMPTION_RESERVE).any():
            continue
        for line in lines(entry):
            if line.origin == REDEMPTION_RESERVE and line.accepted and line.kind == Kind.TRANSFER:
                found[line.sequence] = line.amount_fen
    return found
