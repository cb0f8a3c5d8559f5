"""Checks what goes on to deposit accounts with payments: by whose consent, and how much of it.

A sweep stands beside what arrived. After the two the wallet has at least the level that its holder
has set, or that its class allows where that is less; so no bank sweeps below it, or more than came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, column, table

from auditor.books import CONTROL, SWEEPS, VAULT
from auditor.signatures.orders import BEFORE_ORDER_MS, Line, Wrong, purposed, read, same
from auditor.signatures.rows import rows_if_there
from auditor.signatures.signer_lists import Holder
from auditor.signatures.verifying import Problems
from currency.days import day_of
from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from language import _
from settlement.records import Kind, RecordFlag, Result, opening_of, record_digest

_orders = table(
    "sweep_orders",
    *map(column, ("position", "wallet", "sequence", "sweeps", "above_fen")),
)
_SWEEP = purposes_pb2.PURPOSE_SWEEP


class _Consent(NamedTuple):
    """A consent, where its record stands, and which of the wallet's keys signed it."""

    order: orders_pb2.SweepOrder
    position: int
    key: int


class _Wallet:
    """What a wallet whose holder ever ordered about sweeping has, as far as the walk has come."""

    def __init__(self) -> None:
        self.total_fen = 0
        self.limit_set = 0
        self.day = 0
        """The last day on which something counted against its limits."""
        self.consent: _Consent | None = None


class SweepWalk:
    """Follows consents, and what wallets with one have, through a bank's journal."""

    def __init__(
        self,
        connection: Connection,
        problems: Problems,
        key_of: Callable[[Holder], int],
        cap_on: Callable[[int, int], int],
    ) -> None:
        """Reads what was ordered, in the transaction in which the wallets are read.

        Args:
            key_of: which of a wallet's keys is in force where the walk stands.
            cap_on: what a limit set allows on a day, in fen; 0: any amount.
        """
        self._problems = problems
        self._key_of = key_of
        self._cap_on = cap_on
        rows = rows_if_there(connection, _orders)
        self._by_position: dict[int, Row[Any]] = {row.position: row for row in rows}
        self._row_ids = {row.wallet for row in rows}
        self._wallets: dict[int, _Wallet] = {}
        self._arrival: Line | None = None
        """The arrival just before, from another bank, if nothing was swept with it yet."""
        self._making_room: tuple[Line, orders_pb2.SweepNote] | None = None
        """A sweep whose arrival must come next."""

    def know(self, account: int, row_id: int) -> None:
        """Takes a wallet of the bank: its account, and the row of its table."""
        if row_id in self._row_ids:
            self._wallets[account] = _Wallet()

    def ordered(self, line: Line, holder: Holder, row_id: int) -> None:
        """Takes the record of an order about sweeping, whose signature is checked elsewhere. Raises
        Wrong.
        """
        order = read(orders_pb2.SweepOrder, line.note)
        same("wallet", order.wallet_number, holder.number)
        same("digest", record_digest(line.note), line.digest)
        same("sequence", order.sequence, line.sequence)
        same("account", line.origin, line.credit)
        if not line.accepted:
            return
        if order.created_time_ms > line.time_ms + BEFORE_ORDER_MS:
            raise Wrong(_("the record is older than its order"))
        row = self._by_position.pop(line.position, None)
        wallet = self._wallets.get(line.credit)
        if row is None or wallet is None:
            raise Wrong(_("table sweep_orders has no row of it"))
        same("wallet", row_id, row.wallet)
        told = (row.sequence, bool(row.sweeps), row.above_fen)
        same("level", (order.sequence, order.sweeps, order.above_fen), told)
        same("class", wallet.limit_set, line.ref)
        consent = _Consent(order, line.position, self._key_of(holder))
        wallet.consent = consent if order.sweeps else None

    def with_payment(
        self,
        payment: Line,
        payer: Holder,
        parts: Sequence[Line],
        holder: Holder | None,
        deposit: int | None,
    ) -> None:
        """Checks a sweep that is linked to its payment.

        Args:
            payment: which heads the chain.
            payer: whose it is.
            parts: the two sides of the sweep.
            holder: of the payee's wallet, if there is one.
            deposit: the deposit account of that holder, if there is one.

        Raises:
            Wrong: it is not as the payee's holder has consented.
        """
        note = self._check(payment.credit, parts, payment.origin, holder, deposit)
        same("position", note.entry_position, 0)
        same("payment", note.payment_id, f"{payer.number}-{payment.sequence}")
        if not payment.accepted:
            return
        wallet = self._wallets[payment.credit]
        before_fen = wallet.total_fen + payment.amount_fen
        self._check_level(wallet, before_fen - parts[0].amount_fen, payment.time_ms)

    def beside(self, parts: Sequence[Line], holder: Holder | None, deposit: int | None) -> None:
        """Checks a sweep that stands beside its payment, which came from another bank. Raises
        Wrong.
        """
        currency = parts[0]
        note = self._check(currency.debit, parts, SWEEPS, holder, deposit)
        if not currency.sequence:
            raise Wrong(_("it moves something else than its order says"))
        if not currency.accepted:
            raise Wrong(_("no payment came with it"))
        came, self._arrival = self._arrival, None
        if came is None or came.sequence != note.entry_position:
            self._making_room = currency, note
            return
        self._check_arrival(came, currency, note)
        wallet = self._wallets[currency.debit]
        left_fen = wallet.total_fen - currency.amount_fen
        self._check_level(wallet, left_fen, currency.time_ms)

    def arrived(self, line: Line) -> None:
        """Takes a record that no sweep is linked to; raises Wrong if room was made before it for
        another.
        """
        made, self._making_room, self._arrival = self._making_room, None, None
        if line.kind == Kind.DELIVER and line.result == Result.ACCEPTED:
            self._arrival = None if made else line
        if made is None:
            return
        currency, note = made
        self._check_arrival(line, currency, note)
        wallet = self._wallets[line.credit]
        self._check_level(wallet, wallet.total_fen + line.amount_fen, line.time_ms)

    def move(self, line: Line) -> None:
        """Takes what a record has changed, after it was checked."""
        if not line.accepted or not self._wallets:
            return
        if line.kind == Kind.OPEN and line.credit in self._wallets:
            self._wallets[line.credit].limit_set = opening_of(line.ref).limit_set
        elif line.kind == Kind.SET_LIMIT_SET and line.credit in self._wallets:
            self._wallets[line.credit].limit_set = line.ref
        if line.kind not in (Kind.TRANSFER, Kind.DELIVER, Kind.CAPTURE, Kind.HOLD):
            return
        payer = self._wallets.get(line.debit)
        if payer is not None:
            if line.kind != Kind.HOLD:
                payer.total_fen -= line.amount_fen
            if not line.flags & RecordFlag.NO_LIMIT:
                payer.day = max(payer.day, day_of(line.time_ms))
        credit = line.ref if line.result == Result.UNDELIVERABLE else line.credit
        payee = self._wallets.get(credit)
        if payee is not None and line.kind != Kind.HOLD:
            payee.total_fen += line.amount_fen

    def finish(self, position: int) -> None:
        """Names what is left over, up to a place in the journal."""
        for place in sorted(self._by_position):
            if place <= position:
                self._problems.say(
                    _("table sweep_orders, row position={place}: no record did this").format(
                        place=place
                    )
                )
        if self._making_room is not None:
            self._problems.say(
                _("table journal, position={position}: no payment came with this sweep").format(
                    position=self._making_room[0].position
                )
            )

    def _check(
        self,
        account: int,
        parts: Sequence[Line],
        origin: int,
        holder: Holder | None,
        deposit: int | None,
    ) -> orders_pb2.SweepNote:
        """Checks that a sweep is the two sides of one, by a consent that was in force. Raises
        Wrong.
        """
        wallet, currency = self._wallets.get(account), parts[0]
        consent = None if wallet is None else wallet.consent
        if consent is None or holder is None or self._key_of(holder) != consent.key:
            raise Wrong(_("the payee's holder has not consented to a sweep"))
        fen = currency.amount_fen
        moved = [
            (line.kind, line.origin, line.amount_fen, line.debit, line.credit) for line in parts
        ]
        if parts[1].sequence or moved != [
            (Kind.TRANSFER, origin, fen, *sides) for sides in ((account, VAULT), (CONTROL, deposit))
        ]:
            raise Wrong(_("it moves something else than the payee's holder has consented to"))
        for line in parts:
            purposed(line, _SWEEP)
        note = read(orders_pb2.SweepNote, currency.note)
        same("consent", note.consent_position, consent.position)
        return note

    def _check_arrival(self, line: Line, currency: Line, note: orders_pb2.SweepNote) -> None:
        """Raises Wrong unless a record is the arrival that a sweep names."""
        came = (line.kind, line.result, line.sequence, line.credit, line.purpose)
        if came != (
            Kind.DELIVER,
            Result.ACCEPTED,
            note.entry_position,
            currency.debit,
            purposes_pb2.PURPOSE_PAYMENT,
        ):
            raise Wrong(_("no payment came with the sweep before it"))
        entry = read(registration_pb2.FeedEntry, line.note)
        payment = read(registration_pb2.OutboundPayment, entry.incoming.payment)
        same("payment", payment.payment_id, note.payment_id)

    def _check_level(self, wallet: _Wallet, left_fen: int, time_ms: int) -> None:
        """Raises Wrong if a wallet is left with less than its level."""
        assert wallet.consent is not None
        cap = self._cap_on(wallet.limit_set, max(wallet.day, day_of(time_ms)))
        levels = [fen for fen in (wallet.consent.order.above_fen, cap) if fen]
        if not levels or left_fen < min(levels):
            raise Wrong(
                _("the wallet is left with {left} fen, and its level is {level}").format(
                    left=left_fen, level=min(levels, default=0)
                )
            )
