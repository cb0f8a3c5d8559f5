"""Checks what the central bank's word moves at a bank: the feed, suspense, what was lost."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.books import LOST, MIRROR, SUSPENSE, VAULT
from auditor.signatures.acts import ActsDone
from auditor.signatures.lost import LostTime
from auditor.signatures.mandates import MandateWalk
from auditor.signatures.offline_orders import OfflineOrders
from auditor.signatures.orders import Line, Wrong, purposed, read, same
from auditor.signatures.refunds import NOTHING_REFUNDED, Refunded, RefundWalk
from auditor.signatures.requests import RequestWalk
from auditor.signatures.settled import Hold, SettledEntries, same_purpose, undeliverable
from auditor.signatures.wallets import Wallets
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from language import _
from settlement.records import ENDING_HOLDS, Kind


@dataclass
class Unsaid:
    """Entries that a bank has applied and the central bank's journal does not have, in fen."""

    entries: int = 0
    in_fen: int = 0
    out_fen: int = 0

    def count(self, line: Line) -> None:
        """Counts the record that such an entry became."""
        self.entries += 1
        if line.kind != Kind.REFUSAL:
            self.in_fen += line.amount_fen if line.debit == MIRROR else 0
            self.out_fen += line.amount_fen if line.credit == MIRROR else 0


class FeedWalk:
    """Walks through what ends at the central bank, or comes from there.

    Attributes:
        unsaid: entries that the bank has applied and the central bank's journal does not have.
    """

    def __init__(
        self,
        wallets: Wallets,
        settled: SettledEntries,
        lost: LostTime,
        acts: ActsDone,
        refunds: RefundWalk,
        requests: RequestWalk,
        mandates: MandateWalk,
        offline: OfflineOrders,
    ) -> None:
        self.unsaid = Unsaid()
        self._wallets = wallets
        self._settled = settled
        self._lost = lost
        self._acts = acts
        self._refunds = refunds
        self._requests = requests
        self._mandates = mandates
        self._offline = offline
        self._holds: dict[int, Hold] = {}
        self._loads: dict[int, int] = {}
        """The loading account, by the number of the load."""
        self._suspense: dict[int, tuple[int, str]] = {}
        """Fen and the payer's number, by the position that brought it in."""
        self._stands_for: dict[int, int] = {}

    def held(
        self,
        line: Line,
        *,
        device_key: bytes = b"",
        payer: str = "",
        payee: str = "",
        payment_id: str = "",
        refunded: Refunded = NOTHING_REFUNDED,
    ) -> None:
        """Notes a hold; `payment_id` is that of the order if it is no other."""
        named = payment_id or f"{payer}-{line.sequence}"
        self._holds[line.detail] = Hold(
            line.position, line.debit, line.amount_fen, device_key, payer, payee, named, refunded
        )

    def loaded(self, line: Line, device_key: bytes) -> None:
        """Notes a load of offline money."""
        self._loads[line.position] = line.debit
        self.held(line, device_key=device_key)

    def lies(self, line: Line, payer: str) -> None:
        """Notes what lies in suspense; `payer` is whoever it may go back to, "" for nobody."""
        self._suspense[line.position] = (line.amount_fen, payer)

    def fed(self, line: Line) -> None:
        """Checks what an entry of the feed moved. Raises Wrong."""
        if not line.accepted and line.kind != Kind.REFUSAL:
            return
        try:
            self._as_said(line)
        except Wrong:
            if not self._settled.says(line.note):
                self.unsaid.count(line)
            raise

    def _as_said(self, line: Line) -> None:
        """Raises Wrong unless the central bank's journal says what a record does."""
        said = self._settled.at(line.sequence)
        if line.kind in ENDING_HOLDS:
            self._end_of_hold(line, said)
        elif line.debit == LOST:
            self._lost.moved(line, said, self._settled)
            if line.purpose == said.purpose == purposes_pb2.PURPOSE_REFUND:
                self._refunds.lost(read(registration_pb2.OutboundPayment, said.note))
            elif line.purpose == said.purpose == purposes_pb2.PURPOSE_PAYMENT:
                self._requests.lost(read(registration_pb2.OutboundPayment, said.note))
        elif line.kind == Kind.DELIVER:
            self._delivered(line, said)
        else:
            self._settled.own_move(line, said)
        same_purpose(line, said)

    def _end_of_hold(self, line: Line, said: Line) -> None:
        hold = self._holds.pop(line.ref, None)
        if hold is None:
            raise Wrong(_("there is no ordered hold that it ends"))
        same("account", hold.account, line.debit)
        # The rule allows partial captures and releases, but a bank ends each hold as a whole.
        same("amount", hold.amount_fen, line.amount_fen)
        settled = line.kind == Kind.CAPTURE
        if settled and line.credit != MIRROR:
            raise Wrong(_("it pays somebody else than the central bank's word says"))
        self._settled.of_outbound(said, hold, settled=settled)
        self._refunds.end(hold.position, hold.amount_fen, settled=settled)
        if not settled:
            self._not_paid(hold.position)
        if line.debit == SUSPENSE and not settled:
            self.lies(line, "")

    def _delivered(self, line: Line, said: Line) -> None:
        payer, payment = "", None
        if said.origin == self._settled.deposits and said.accepted:
            lost = line.credit == SUSPENSE and self._lost.has(line)
            account = SUSPENSE if lost else self._offline.depositor(said)
        elif said.origin == self._settled.restored and said.accepted:
            account = self._loads.get(said.sequence, -1)
        elif (payment := self._settled.incoming(said)) is not None:
            account = self._wallets.account(payment.payee_number) or SUSPENSE
            # A refund that cannot be delivered is not returned.
            payer = "" if payment.refunds_payment_id else payment.payer_number
        else:
            raise Wrong(
                _("the central bank's position {position} delivers nothing").format(
                    position=said.position
                )
            )
        same("amount", said.amount_fen, line.amount_fen)
        if (line.debit, line.ref) != (MIRROR, SUSPENSE) or line.credit not in (account, SUSPENSE):
            raise Wrong(_("it was credited to another wallet than the central bank's word names"))
        if payment is not None and line.credit != SUSPENSE:
            if payment.returns_payment_id:
                self._not_paid(payment.returns_number)
            elif not undeliverable(line):
                self._requests.came(line, payment)
        if undeliverable(line):
            self.lies(line, payer)

    def _not_paid(self, position: int) -> None:
        """Takes the end of a hold that did not settle, or the return of what had settled."""
        self._requests.not_paid(position)
        self._mandates.not_paid(position)

    def out_of_suspense(self, line: Line) -> None:
        """Checks a return, or a payment out of suspense by two officers. Raises Wrong."""
        source = self._stands_for.pop(line.sequence, line.sequence)
        if not line.accepted:
            self._stands_for[line.position] = source
            return
        amount_fen, payer = self._suspense.pop(source, (0, ""))
        same("amount", amount_fen, line.amount_fen)
        if line.kind == Kind.HOLD:
            back = read(registration_pb2.OutboundPayment, line.note)
            if back.payee_number != payer:
                raise Wrong(
                    _("it goes back to {payee_number}, and came from {payer}").format(
                        payee_number=back.payee_number, payer=payer
                    )
                )
            purposed(line, purposes_pb2.PURPOSE_RETURN)
            named = back.payment_id
            self.held(line, payer=back.payer_number, payee=payer, payment_id=named)
        elif line.kind == Kind.TRANSFER:
            number = self._wallets.get(line.credit).number
            self._acts.took_effect(line, "pay_suspense", position=source, wallet_number=number)
            purposed(line, purposes_pb2.PURPOSE_SUSPENSE_PAYOUT)
        else:
            raise Wrong(_("nothing leaves the suspense account so"))

    def settled_of_lost(self, line: Line) -> None:
        """Checks that two officers took this for a lost payment, from its payer or the vault."""
        if not line.accepted:
            return
        if line.kind != Kind.TRANSFER or line.credit != LOST:
            raise Wrong(_("nothing is settled so"))
        number = "" if line.debit == VAULT else self._wallets.get(line.debit).number
        asked = self._acts.took_effect(
            line, "settle_lost", wallet_number=number, amount_fen=line.amount_fen
        )
        self._lost.settled(asked)
        purposed(line, purposes_pb2.PURPOSE_LOST_SETTLEMENT)
