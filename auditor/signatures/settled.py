"""Looks up what the central bank's journal says, by the positions that a bank's feed names."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine

from auditor.books import (
    CIRCULATION,
    DEPOSITS,
    MIRROR,
    OFFICE,
    REDEMPTION_RESERVE,
    RESTORED,
    SUSPENSE,
    VAULT,
    Owned,
)
from auditor.signatures.centre import device_key
from auditor.signatures.orders import Line, Wrong, purposed, read, same
from auditor.signatures.positions import Positions
from auditor.signatures.refunds import NOTHING_REFUNDED, Refunded
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from language import _
from settlement.records import Kind
from settlement.tables import JournalTables

OutboundPayment = registration_pb2.OutboundPayment


class Hold(NamedTuple):
    """Money that a bank holds until the central bank has decided, and what was ordered."""

    position: int
    account: int
    amount_fen: int
    device_key: bytes
    """The key of the device to load; empty for a payment."""

    payer_number: str = ""
    payee_number: str = ""
    payment_id: str = ""
    refunded: Refunded = NOTHING_REFUNDED
    """What it gives back of, if it is a refund."""

    @property
    def purpose(self) -> int:
        """The purpose that the money is held for."""
        if self.device_key:
            return purposes_pb2.PURPOSE_TOKEN_LOAD
        if self.refunded.payment_id:
            return purposes_pb2.PURPOSE_REFUND
        returned = self.account == SUSPENSE
        return purposes_pb2.PURPOSE_RETURN if returned else purposes_pb2.PURPOSE_PAYMENT


class SettledEntries:
    """Reads the central bank's journal for one bank, in the order of that bank's feed."""

    def __init__(self, engine: Engine, tables: JournalTables, bank: int) -> None:
        self._engine = engine
        self._positions = Positions(engine, tables)
        accounts = Owned.of(engine)
        self.circulation = accounts.number(bank, CIRCULATION)
        self.deposits = accounts.number(bank, DEPOSITS)
        self.office = accounts.number(bank, OFFICE)
        self.restored = accounts.number(bank, RESTORED)

    def at(self, position: int) -> Line:
        """The record at a position; raises Wrong when there is none."""
        line = self._positions.at(position)
        if line is None:
            raise Wrong(
                _("the central bank's journal has no position {position}").format(position=position)
            )
        return line

    def says(self, note: bytes) -> bool:
        """Whether the journal has what an entry of the feed, given as its bytes, says."""
        try:
            entry = read(registration_pb2.FeedEntry, note)
            said = self.at(entry.position)
        except Wrong:
            return False
        event = entry.WhichOneof("event")
        if event in ("outgoing_settled", "outgoing_ended", "tokens_registered"):
            number = getattr(entry, event).number
            return (said.origin, said.sequence) == (self.circulation, number)
        if event == "incoming":
            return said.note == entry.incoming.payment
        origins = {"tokens_deposited": self.deposits, "tokens_restored": self.restored}
        return said.origin == origins.get(event, self.office)

    def of_outbound(self, said: Line, hold: Hold, *, settled: bool) -> None:
        """Raises Wrong unless the central bank ended this bank's payment or load in this way.

        Args:
            said: the central bank's record.
            hold: the bank's hold for it.
            settled: whether the bank captured the hold; False: it released it.
        """
        if said.origin != self.circulation or said.sequence != hold.position:
            raise Wrong(
                _("the central bank's position {position} is not about this hold").format(
                    position=said.position
                )
            )
        same("amount", said.amount_fen, hold.amount_fen)
        if said.accepted != settled:
            what = "settled" if said.accepted else _("ended without settling")
            raise Wrong(
                _("the central bank {what} it at its position {position}").format(
                    what=what, position=said.position
                )
            )
        if not settled:
            return
        if said.purpose != hold.purpose:
            raise Wrong(_("the central bank used it for another purpose than the order's"))
        if hold.device_key:
            key = device_key(self._engine, said.position)
            same("device", hold.device_key.hex(), key.hex())
        else:
            payment = read(OutboundPayment, said.note)
            for name, paid, told in (
                ("payment", payment.payment_id, hold.payment_id),
                ("payer", payment.payer_number, hold.payer_number),
                ("payee", payment.payee_number, hold.payee_number),
                ("refunds", payment.refunds_payment_id, hold.refunded.payment_id),
                ("refunds_number", payment.refunds_number, hold.refunded.number),
            ):
                if paid != told:
                    raise Wrong(
                        _("its order's {name} is {told}, the central bank paid {paid}").format(
                            name=name, told=told, paid=paid
                        )
                    )

    def own_move(self, line: Line, said: Line) -> None:
        """Raises Wrong unless officers of the central bank moved this in the bank's own accounts.

        Args:
            line: the bank's record.
            said: the central bank's record of the same entry.
        """
        if said.origin != self.office:
            raise Wrong(
                _("the central bank's position {position} says nothing of the kind").format(
                    position=said.position
                )
            )
        if said.credit == self.circulation and said.accepted:
            expected = (Kind.TRANSFER, MIRROR, VAULT)
        elif said.accepted:
            expected = (Kind.TRANSFER, REDEMPTION_RESERVE, MIRROR)
        else:
            expected = (Kind(line.kind), REDEMPTION_RESERVE, VAULT)
        if (line.kind, line.debit, line.credit) != expected:
            raise Wrong(
                _("the central bank's position {position} says something else").format(
                    position=said.position
                )
            )
        if line.kind != Kind.REFUSAL:
            same("amount", said.amount_fen, line.amount_fen)

    def incoming(self, said: Line) -> OutboundPayment | None:
        """The payment from another bank in a record; None when it is something else."""
        own = said.origin in (self.circulation, self.deposits, self.office, self.restored)
        if own or said.credit != self.circulation or not said.accepted:
            return None
        return read(OutboundPayment, said.note)


def same_purpose(line: Line, said: Line) -> None:
    """Raises Wrong unless a bank's record has the purpose that the central bank's record has."""
    if line.kind == Kind.REFUSAL:
        return
    purpose = said.purpose
    if purpose == purposes_pb2.PURPOSE_DOUBLE_SPEND:
        # Whatever account pays for it, to the bank it is a deposit.
        purpose = purposes_pb2.PURPOSE_TOKEN_DEPOSIT
    elif purpose == purposes_pb2.PURPOSE_REDEMPTION and not said.accepted:
        purpose = purposes_pb2.PURPOSE_REDEMPTION_RESERVE
    purposed(line, purpose)


def undeliverable(line: Line) -> bool:
    """Whether a delivery went to the suspense account."""
    return line.credit == SUSPENSE or line.result == 1
