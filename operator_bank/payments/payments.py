"""Makes payments: within the bank they settle at once, to other banks they are held and sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from currency.number import prefix_of
from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.ledger.reasons import payers_refusal
from operator_bank.limits import MAX_ITEMS, MAX_SWEPT_ROUNDS
from operator_bank.lost.settling import LostPayments
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.probing import PayeeRefusals
from operator_bank.payments.rows import (
    PENDING,
    SETTLED,
    Going,
    Paid,
    outbound_body,
    payment_row,
    put_outbound,
)
from operator_bank.payments.topped_up import FIELD, TopUps, chain_of, own_said
from operator_bank.sub_wallets.families import said
from operator_bank.sweeps.sweeping import Noted, Sweeps, room_for
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.known import id_of
from operator_bank.wallets.orders import Orders, VerifiedOrder
from operator_bank.wallets.refused import Refused
from runtime.checks import at_most, invalid
from runtime.errors import Refusal
from runtime.shares import overloaded
from settlement.builders import Row, records_of, refused
from settlement.core import Answers, Batch
from settlement.payment_rows import PaymentRow
from settlement.records import Accounts, Kind, Result

_PAYEE = errors_pb2.REASON_PAYEE_CANNOT_BE_PAID
_HOLD, _REFUSED = int(Kind.HOLD), int(Result.MALFORMED)


class PaidAlone(NamedTuple):
    """A single payment, the payer's account, and what is available there afterwards."""

    paid: Paid
    account: int
    available_fen: int


class _Taken(NamedTuple):
    """The orders of a call that the rule has to decide.

    Attributes:
        answers: one for each order of the call; those that the rule has to give are empty.
        rows: the records to decide; an order with a top-up has a chain of them.
        orders: their orders.
        heads: the first record of each order.
        places: where their answers belong.
    """

    answers: list[Paid | Refusal]
    rows: list[Row]
    orders: list[VerifiedOrder[orders_pb2.PaymentOrder]]
    heads: list[int]
    places: list[int]


class Payments:
    """The use-case behind Pay, single or gathered by the edge, and PayMany."""

    def __init__(
        self,
        context: Context,
        orders: Orders,
        directory: Directory,
        outgoing: Outbound,
        refusals: PayeeRefusals,
        refused: Refused,
        lost: LostPayments,
        top_ups: TopUps,
        sweeps: Sweeps,
    ) -> None:
        self._ledger = context.ledger
        self._families = orders.families
        self._orders = orders
        self._directory = directory
        self._outgoing = outgoing
        self._top_ups = top_ups
        self._sweeps = sweeps
        self._clock = context.clock
        self._refusals = refusals
        self._refused = refused
        self._standing = context.standing
        self._lost = lost
        self._prefix = context.prefix

    def pay(self, envelope: SignedEnvelope, wait_s: float) -> tuple[Paid, int]:
        """Makes one payment; if it goes to another bank, waits up to `wait_s` for its end.

        Returns:
            The payment, and the payer's available fen.

        Raises:
            Refusal: this bank refused it. A refusal by the other side is in the answer.
        """
        answer = self.pay_together([envelope])[0]
        if isinstance(answer, Refusal):
            raise answer
        paid, account, available_fen = answer
        if paid.state == PENDING:
            state, reason = self._outgoing.wait(paid.number, wait_s)
            available_fen = self.available_fen(account)
            paid = paid._replace(state=state, reason=reason)
        return paid, available_fen

    def available_fen(self, account: int) -> int:
        """The available fen of an account now."""
        return int(self._ledger.read([account])[0]["available_fen"])

    def pay_many(self, envelopes: Sequence[SignedEnvelope]) -> list[Paid | Refusal]:
        """Makes many payments of one caller, in order; returns an answer for each."""
        at_most(envelopes, "orders", MAX_ITEMS)
        opened = self._orders.open_many(orders_pb2.PaymentOrder, envelopes)
        alone = [_without_top_up(order) for order in opened]
        return self._run_all(alone, read=False)[0]

    def pay_together(self, envelopes: Sequence[SignedEnvelope]) -> list[PaidAlone | Refusal]:
        """Makes single payments of many callers, each payer's in order; returns an answer for each,
        without waiting for ends at other banks.
        """
        opened = self._orders.open_many(orders_pb2.PaymentOrder, envelopes)
        answers, available_fen = self._run_all(opened, read=True)
        together: list[PaidAlone | Refusal] = []
        for order, answer in zip(opened, answers, strict=True):
            if isinstance(order, Refusal) or isinstance(answer, Refusal):
                together.append(answer)  # type: ignore[arg-type]  # the answer to a refused order is a Refusal too
            else:
                account = order.wallet.account
                if account not in available_fen:  # nothing was submitted for it
                    available_fen[account] = self.available_fen(account)
                together.append(PaidAlone(answer, account, available_fen[account]))
        return together

    def _run_all(
        self, orders: Sequence[VerifiedOrder[orders_pb2.PaymentOrder] | Refusal], *, read: bool
    ) -> tuple[list[Paid | Refusal], dict[int, int]]:
        """As `_run`, with a bounded number of one payer's orders at a time, so that what may be
        refused of them is bounded.

        Args:
            read: the orders are single payments of many callers, none of whom waits for another's
                call; else they are one caller's, which do wait.
        """
        answers: list[Paid | Refusal] = []
        available_fen: dict[int, int] = {}
        most = MAX_SWEPT_ROUNDS
        for part in self._refusals.portions(orders, _payer):
            if read:
                said, available, rounds = self._run_in_rounds(part, most)
                answers += said
                available_fen |= available
                most = max(2, most - rounds)
                continue
            with self._refused.deciding(part) as decided_before:
                answers += self._run(part, decided_before, read=False)[0]
        return answers, available_fen

    def _run_in_rounds(
        self, orders: Sequence[VerifiedOrder[orders_pb2.PaymentOrder] | Refusal], most: int
    ) -> tuple[list[Paid | Refusal], dict[int, int], int]:
        """As `_run`, for single payments, in so many rounds at most; and how many it took. What
        finds no place in them is decided when it comes again.
        """
        rounds, late = self._sweeps.apart([self._parties(order) for order in orders], most)
        answers: list[Paid | Refusal] = [Paid("", 0)] * len(orders)
        for place in late:
            answers[place] = overloaded("too many payments to this wallet come at once")
        available_fen: dict[int, int] = {}
        for places in rounds:
            these = [orders[place] for place in places]
            said, available = self._run(these, self._refused.decided(these), read=True)
            for place, answer in zip(places, said, strict=True):
                answers[place] = answer
            available_fen |= available
        return answers, available_fen, len(rounds)

    def _parties(self, order: VerifiedOrder[orders_pb2.PaymentOrder] | Refusal) -> tuple[int, int]:
        """The accounts of an order's payer and payee; NOBODY for none here."""
        if isinstance(order, Refusal):
            return accounts.NOBODY, accounts.NOBODY
        return order.wallet.account, self._directory.account(order.content.payee_number)

    def _run(
        self,
        orders: Sequence[VerifiedOrder[orders_pb2.PaymentOrder] | Refusal],
        decided_before: Mapping[int, PaymentRow],
        *,
        read: bool,
    ) -> tuple[list[Paid | Refusal], dict[int, int]]:
        """An answer for each order; and, if `read`, the payers' available fen afterwards, by
        account.
        """
        now_ms = self._clock.now_ms()
        taken = self._take(orders, decided_before, now_ms)
        if not taken.rows:
            return taken.answers, {}
        payers = sorted({row.origin for row in taken.rows}) if read else []
        batch = _batch_of(taken, payers)
        swept = self._sweeps.of([taken.rows[head].credit for head in taken.heads])
        if swept:
            batch = self._sweeping(taken, payers, batch, swept)
        decided = self._ledger.submit(batch)
        self._refused.count(batch, decided)
        self._answer_taken(taken, decided, now_ms)
        if batch.in_transaction is not None:
            self._outgoing.wake()
        if decided.accounts is None:
            return taken.answers, {}
        available = decided.accounts["available_fen"].tolist()
        return taken.answers, dict(zip(payers, available, strict=True))

    def _sweeping(
        self, taken: _Taken, payers: Sequence[int], batch: Batch, swept: Sequence[int]
    ) -> Batch:
        """A batch that is made anew from what the payees who sweep have by then.

        An account that another order of the batch has touched is not swept: what it has depends on
        whether that order is refused. Of single payments there is no such order.
        """
        rows, ends = list(taken.rows), [*taken.heads[1:], len(taken.rows)]
        chains = [rows[head:end] for head, end in zip(taken.heads, ends, strict=True)]
        places = {account: place for place, account in enumerate(swept)}

        def anew(state: Accounts) -> Batch:
            made: list[Noted] = []
            heads: list[int] = []
            touched: set[int] = set()
            left = room_for(len(rows))
            for order, chain in zip(taken.orders, chains, strict=True):
                head = chain[0]
                heads.append(len(made))
                at = places.get(head.credit)
                if at is not None and head.credit not in touched and left:
                    payment_id = id_of(order.wallet.number, order.content.sequence)
                    made += self._sweeps.chain(chain, state, at, payment_id)
                    left -= 1
                else:
                    made += [Noted(row) for row in chain]
                touched |= {head.origin, head.credit}
            taken.heads[:], taken.rows[:] = heads, [each.row for each in made]
            return _batch_of(taken, payers, [each.note for each in made])

        return replace(batch, read=swept, anew=anew)

    def _take(
        self,
        orders: Sequence[VerifiedOrder[orders_pb2.PaymentOrder] | Refusal],
        decided_before: Mapping[int, PaymentRow],
        now_ms: int,
    ) -> _Taken:
        """Sorts out the orders that the rule has to decide; the others are answered at once."""
        taken = _Taken([], [], [], [], [])
        for index, order in enumerate(orders):
            if isinstance(order, Refusal):
                taken.answers.append(order)
                continue
            if order.content.request_to_pay_id:
                taken.answers.append(invalid("request_to_pay_id", "is for PayAsked alone"))
                continue
            try:
                paid = None if self._lost.has_none else self._paid_before(order)
                if paid is not None:
                    taken.answers.append(paid)
                    continue
                before = decided_before.get(index)
                if before is not None:
                    taken.answers.append(self._again(order, before))
                    continue
                rows = self._new_rows(order, now_ms)
            except Refusal as refusal:
                taken.answers.append(refusal)
                continue
            taken.heads.append(len(taken.rows))
            taken.rows.extend(rows)
            taken.orders.append(order)
            taken.places.append(index)
            taken.answers.append(Paid("", 0))
        return taken

    def _answer_taken(self, taken: _Taken, decided: Answers, now_ms: int) -> None:
        """Puts what the rule has decided in the places of the answers that it had to give."""
        # Lists, because a bulk call reads each of them thousands of times.
        results = decided.results.tolist()
        repeated, positions = decided.repeated.tolist(), decided.positions.tolist()
        for order, head, index in zip(taken.orders, taken.heads, taken.places, strict=True):
            again = repeated[head]
            if results[head] >= _REFUSED:
                row, result = taken.rows[head], Result(results[head])
                taken.answers[index] = no = self._no(order, row, result, repeated=again)
                if isinstance(no, Refusal) and no.reason == _PAYEE and not again:
                    self._refusals.count(order.wallet.account, order.content.payee_number, now_ms)
                continue
            taken.answers[index] = self._answer(
                order, taken.rows[head].kind, again, positions[head]
            )

    def begin(
        self, order: VerifiedOrder[orders_pb2.PaymentOrder]
    ) -> tuple[Paid | None, Sequence[Row]]:
        """What had become of an order that this database alone has lost, and its records.

        Raises:
            Refusal: it must wait.
        """
        paid = None if self._lost.has_none else self._paid_before(order)
        return paid, self._new_rows(order, self._clock.now_ms())

    def count_refusal(
        self, order: VerifiedOrder[orders_pb2.PaymentOrder], refusal: Refusal
    ) -> None:
        """Counts an order of `begin` that the rule has refused, if that was for its payee."""
        if refusal.reason == _PAYEE:
            now_ms = self._clock.now_ms()
            self._refusals.count(order.wallet.account, order.content.payee_number, now_ms)

    def _paid_before(self, order: VerifiedOrder[orders_pb2.PaymentOrder]) -> Paid | None:
        """The answer to a payment that had settled and that only this database has lost; None if it
        had not.
        """
        content = order.content
        payment_id = id_of(order.wallet.number, content.sequence)
        was_paid = self._lost.was_paid(payment_id, outbound_body(content))
        return Paid(payment_id, SETTLED, True) if was_paid else None

    def _no(
        self,
        order: VerifiedOrder[orders_pb2.PaymentOrder],
        row: Row,
        result: Result,
        *,
        repeated: bool,
    ) -> Paid | Refusal:
        """What a payer is told when the rule does not accept a record."""
        account = order.wallet.account
        if result == Result.ID_REUSED:
            # It is linked to what its payee has swept, perhaps, and then it was not; or not now.
            return self._decided(order)
        if self._may_be_refused_here(order):
            if repeated and row.kind == Kind.REFUSAL:
                # The sub-wallet's terms, or the room for a top-up, were others then, perhaps.
                return self._decided(order)
            if row.kind == Kind.REFUSAL:
                return self._said(order, row.reason)
        no = self._top_ups.refusal(order, result, repeated=repeated)
        no.metadata |= self._families.whose_limit(account, result, order.content.amount_fen)
        return no

    def _decided(self, order: VerifiedOrder[orders_pb2.PaymentOrder]) -> Paid | Refusal:
        """What was decided before about an order that may be refused before the rule is asked."""
        try:
            row = self._refused.earlier(order)
        except Refusal as refusal:
            return refusal
        return payers_refusal(Result.ID_REUSED) if row is None else self._again(order, row)

    def _again(
        self, order: VerifiedOrder[orders_pb2.PaymentOrder], row: PaymentRow
    ) -> Paid | Refusal:
        """The answer to an order for which the journal has a record with the same wallet and
        sequence.
        """
        if row.kind == Kind.REFUSAL and self._may_be_refused_here(order):
            same = int.from_bytes(bytes(row.digest), "little") == order.digest
            return self._said(order, row.reason) if same else payers_refusal(Result.ID_REUSED)
        if not row.is_repeated_by(self._row(order, row.time_ms)):
            return payers_refusal(Result.ID_REUSED)
        if row.result >= _REFUSED:
            return self._top_ups.refusal(order, Result(row.result), repeated=True)
        return self._answer(order, row.kind, True, row.position)

    def _may_be_refused_here(self, order: VerifiedOrder[orders_pb2.PaymentOrder]) -> bool:
        """Whether an order is of a kind that may be refused for what the rule does not look at."""
        is_sub_wallets = self._families.find(order.wallet.account) is not None
        return is_sub_wallets or order.content.top_up_fen > 0

    def _said(self, order: VerifiedOrder[orders_pb2.PaymentOrder], reason: int) -> Refusal:
        """The refusal of such an order, for the reason that the journal has."""
        if self._families.find(order.wallet.account) is not None:
            return said(reason)
        return own_said(reason)

    def _new_rows(
        self, order: VerifiedOrder[orders_pb2.PaymentOrder], now_ms: int
    ) -> Sequence[Row]:
        """The records of an order that was not decided before: a refusal, if a sub-wallet may not
        make it, or a wallet cannot take its top-up. Raises Refusal: it must wait, or cannot be
        topped up at all.
        """
        payee_number = order.content.payee_number
        self._refusals.check(order.wallet.account, payee_number, now_ms)
        self._refused.check_room(order.wallet.account)
        row = self._row(order, now_ms)
        no = self._families.refusal(row.origin, payee_number, row.credit)
        if no is not None:
            return (refused(row, no.reason),)
        if row.kind == _HOLD:
            self._refused.check_room_at(row.origin, payee_number)
            self._standing.check_numbers()
        if not order.content.top_up_fen:
            return (row,)
        no = self._top_ups.own_refusal(order)
        return chain_of(order, row) if no is None else (refused(row, no.reason),)

    def _row(self, order: VerifiedOrder[orders_pb2.PaymentOrder], now_ms: int) -> Row:
        payee = self._directory.account(order.content.payee_number)
        kin = self._families.are_kin(order.wallet.account, payee)
        return payment_row(order, payee, self._prefix, now_ms, kin=kin)

    def _answer(
        self,
        order: VerifiedOrder[orders_pb2.PaymentOrder],
        kind: int,
        repeated: bool,
        number: int,
    ) -> Paid:
        payment_id = id_of(order.wallet.number, order.content.sequence)
        if kind != _HOLD:
            return Paid(payment_id, SETTLED, repeated)
        if repeated:
            state, reason = self._outgoing.state(number)
            return Paid(payment_id, state, True, reason, number)
        return Paid(payment_id, PENDING, False, 0, number)


def _batch_of(taken: _Taken, payers: Sequence[int], beside: Sequence[bytes] = ()) -> Batch:
    """The batch that decides about orders; payments to other banks are written down with it.

    Args:
        taken: the orders.
        payers: accounts whose rows come with the answers.
        beside: what is noted beside the records that have no order; nothing if it is empty.
    """
    records = records_of(taken.rows)
    # Made here, so that the writer, for which all payments wait, only has to insert it.
    going = {
        head: Going(prefix_of(order.content.payee_number), outbound_body(order.content))
        for head, order in zip(taken.heads, taken.orders, strict=True)
        if taken.rows[head].kind == _HOLD
    }
    notes = list(beside) or [b""] * len(taken.rows)
    signatures = [b""] * len(taken.rows)
    for head, order in zip(taken.heads, taken.orders, strict=True):
        notes[head], signatures[head] = order.payload, order.signature

    def put(connection: Connection, answers: Answers) -> None:
        put_outbound(connection, records, going, answers, "pay")

    return Batch(records, notes, put if going else None, payers, signatures)


def _without_top_up(
    order: VerifiedOrder[orders_pb2.PaymentOrder] | Refusal,
) -> VerifiedOrder[orders_pb2.PaymentOrder] | Refusal:
    """An order of a bulk call, where what the wallet lacks is not taken from elsewhere."""
    if isinstance(order, Refusal) or not order.content.top_up_fen:
        return order
    return invalid(FIELD, "is for payments that are sent one at a time")


def _payer(order: VerifiedOrder[orders_pb2.PaymentOrder] | Refusal) -> int:
    return 0 if isinstance(order, Refusal) else order.wallet.account
