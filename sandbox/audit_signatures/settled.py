"""What the central bank's journal says about a bank, looked up by the position its feed names."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine

from dcep.registration.v1 import registration_pb2
from sandbox.audit_signatures.centre import device_key
from sandbox.audit_signatures.orders import Line, Wrong, lines, read, same
from sandbox.books import (
    ACCOUNTS_PER_BANK,
    CIRCULATION_OFFSET,
    DEPOSITS_OFFSET,
    FIRST_BANK_ACCOUNT,
    MIRROR,
    OFFICE_OFFSET,
    OFFLINE_FLOAT,
    RESTORED_OFFSET,
    SET_ASIDE,
    SUSPENSE,
    VAULT,
)
from settlement.journal import Entry, Journal
from settlement.records import Kind
from settlement.tables import JournalTables

OutboundPayment = registration_pb2.OutboundPayment


class Hold(NamedTuple):
    """Money that a bank holds for the central bank's word, and what was ordered with it."""

    position: int
    account: int
    amount_fen: int
    device_key: bytes
    """Of the device that is loaded; empty for a payment."""

    payer_number: str = ""
    payee_number: str = ""


class Settled:
    """Reads the central bank's journal in the order in which a bank's feed asks for it."""

    def __init__(self, engine: Engine, tables: JournalTables, bank: int) -> None:
        self._engine = engine
        self._journal = Journal(engine, tables)
        first = FIRST_BANK_ACCOUNT + ACCOUNTS_PER_BANK * bank
        self.circulation = first + CIRCULATION_OFFSET
        self.deposits = first + DEPOSITS_OFFSET
        self.office = first + OFFICE_OFFSET
        self.restored = first + RESTORED_OFFSET
        self._entry: Entry | None = None
        self._lines: list[Line] = []

    def at(self, position: int) -> Line:
        """The record at a position. Raises Wrong when there is none."""
        entry = self._entry
        if entry is None or not entry.first_position <= position <= entry.last_position:
            found = self._journal.read(position - 1, 1) if position > 0 else []
            if not found or found[0].first_position > position:
                raise Wrong(f"the central bank's journal has no position {position}")
            entry = self._entry = found[0]
            self._lines = list(lines(entry))
        return self._lines[position - entry.first_position]

    def of_outbound(self, said: Line, hold: Hold, *, settled: bool) -> None:
        """That the central bank ended a payment or a load of this bank so. Raises Wrong."""
        if said.origin != self.circulation or said.sequence != hold.position:
            raise Wrong(f"the central bank's position {said.position} is not about this hold")
        same("amount", said.amount_fen, hold.amount_fen)
        if said.accepted != settled:
            what = "settled" if said.accepted else "ended without settling"
            raise Wrong(f"the central bank {what} it at its position {said.position}")
        if not settled:
            return
        if bool(hold.device_key) != (said.credit == OFFLINE_FLOAT):
            raise Wrong("the central bank used it for another purpose than the order's")
        if hold.device_key:
            key = device_key(self._engine, said.position)
            same("device", hold.device_key.hex(), key.hex())
        else:
            payment = read(OutboundPayment, said.note)
            for name, paid, told in (
                ("payer", payment.payer_number, hold.payer_number),
                ("payee", payment.payee_number, hold.payee_number),
            ):
                if paid != told:
                    raise Wrong(f"its order's {name} is {told}, the central bank paid {paid}")

    def own_move(self, line: Line, said: Line) -> None:
        """That a move among the bank's own accounts is the office's. Raises Wrong."""
        if said.origin != self.office:
            raise Wrong(f"the central bank's position {said.position} says nothing of the kind")
        if said.credit == self.circulation and said.accepted:
            expected = (Kind.TRANSFER, MIRROR, VAULT)
        elif said.accepted:
            expected = (Kind.TRANSFER, SET_ASIDE, MIRROR)
        else:
            expected = (Kind(line.kind), SET_ASIDE, VAULT)
        if (line.kind, line.debit, line.credit) != expected:
            raise Wrong(f"the central bank's position {said.position} says something else")
        if line.kind != Kind.REFUSAL:
            same("amount", said.amount_fen, line.amount_fen)

    def incoming(self, said: Line) -> OutboundPayment | None:
        """The payment from another bank that a record brings; None when it brings none."""
        own = said.origin in (self.circulation, self.deposits, self.office, self.restored)
        if own or said.credit != self.circulation or not said.accepted:
            return None
        return read(OutboundPayment, said.note)


def diverted(line: Line) -> bool:
    """Whether a delivery ended in the suspense account."""
    return line.credit == SUSPENSE or line.result == 1
