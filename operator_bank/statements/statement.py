"""Shows a wallet's past: one payment, pages with running balances, and what arrives."""

from __future__ import annotations

import numpy as np

from currency.number import NumberError, check
from currency.payments import payer_of
from dcep.bank.v1 import officers_pb2, orders_pb2, payments_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.asking.rows import id_of
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.ledger.reasons import exchange_reason, payers_reason
from operator_bank.limits import MAX_BALANCE_FEN
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.refunds import refunded
from operator_bank.payments.topped_up import shown_reason
from operator_bank.wallets.directory import Directory, Wallet
from runtime.checks import invalid, journal_position
from runtime.errors import Refusal
from runtime.pagination import decode_token, encode_token, invalid_token, page_size
from settlement.payment_rows import PaymentRow
from settlement.records import Kind, RecordFlag, Result

_READ_AHEAD = 4
_REFUSED = int(Result.MALFORMED)


class PaymentHistory:
    """The use-case behind GetPayment, ListPayments and WatchPayments."""

    def __init__(self, context: Context, directory: Directory, outgoing: Outbound) -> None:
        self._ledger = context.ledger
        self._database = context.database
        self._history = context.history
        self._journal = context.books.journal
        self._directory = directory
        self._outgoing = outgoing

    def get(self, wallet: Wallet, payment_id: str) -> payments_pb2.Payment:
        """A payment that the wallet made. Raises Refusal: PAYMENT_UNKNOWN for any other."""
        number, _, sequence = payment_id.partition("-")
        try:
            check(number)
        except NumberError:
            raise invalid("payment_id", "looks like 6201000000000012-7") from None
        if not sequence.isascii() or not sequence.isdigit() or len(sequence) > 16:
            raise invalid("payment_id", "looks like 6201000000000012-7")
        row = None
        # Sequence 0 is an exchange's record in the bank's own books, which is no payment.
        if number == wallet.number and int(sequence):
            row = self._history.row(wallet.account, int(sequence))
        if row is None:
            raise Refusal(
                errors_pb2.REASON_PAYMENT_UNKNOWN,
                "this wallet made no such payment",
                field="payment_id",
            )
        return self._payment(row, wallet, 0)

    def page(
        self, wallet: Wallet, wanted_size: int, token: str
    ) -> tuple[list[payments_pb2.Payment], str]:
        """A page of payments, newest first, with the balance after each, and of what was received
        how much was refunded; and the next page's token.

        The available balance is counted back from today's, so that no running balance has to be
        stored. A payment to another bank counts from its hold on.
        """
        found, token = self._page(wallet, page_size(wanted_size), token)
        of_it = self._database.read(lambda c: refunded(c, [one.position for one in found]))
        for payment in found:
            payment.refunded_fen = of_it.get(payment.position, 0)
        return found, token

    def _page(
        self, wallet: Wallet, size: int, token: str
    ) -> tuple[list[payments_pb2.Payment], str]:
        start = decode_token(token, 2)
        if start is None:
            row = self._ledger.read([wallet.account])[0]
            balance = int(row["available_fen"])
            before = self._ledger.position() + 1
        else:
            before, balance = start
            if abs(balance) > MAX_BALANCE_FEN:
                raise invalid_token()
        found: list[payments_pb2.Payment] = []
        while len(found) < size:
            rows = self._history.statement(wallet.account, before, _READ_AHEAD * size)
            for row in rows:
                before = row.position
                if row.kind not in _SHOWN or _is_part(row):
                    continue
                payment = self._payment(row, wallet, balance)
                found.append(payment)
                balance -= payment.change_fen
                if len(found) == size:
                    return found, encode_token(before, balance)
            if not rows:
                return found, ""
        return found, ""

    def arrivals(
        self, wallet: Wallet, after: int, limit: int
    ) -> tuple[list[payments_pb2.Payment], int]:
        """Payments that arrived after a position, oldest first; and the position up to which was
        looked.
        """
        journal_position(after)
        upto = self._ledger.position()
        rows = self._history.arrivals(wallet.account, after, limit)
        rows = [row for row in rows if row.position <= upto]
        seen = rows[-1].position if len(rows) == limit else upto
        return [self._payment(row, wallet, 0) for row in rows if not _is_part(row)], seen

    def credited(self, after: int) -> tuple[list[int], int]:
        """Accounts that may have been credited after a position; and the position up to which was
        looked.
        """
        accounts_: set[int] = set()
        for entry in self._journal.read(after):
            came = entry.records["credit"][entry.results < _REFUSED]
            accounts_.update(np.unique(came).tolist())
            after = entry.last_position
        return [account for account in accounts_ if self._directory.number_of(account)], after

    def _payment(self, row: PaymentRow, wallet: Wallet, balance: int) -> payments_pb2.Payment:
        payment = payments_pb2.Payment(
            amount_fen=row.amount_fen,
            time_ms=row.time_ms,
            position=row.position,
            balance_after_fen=balance,
        )
        payment.state, payment.reason = self._state(row)  # type: ignore[assignment]
        payment.change_fen = _change(row, wallet.account, payment.state)
        self._describe(payment, row)
        if row.debit == wallet.account and row.result < _REFUSED:
            payment.top_up_fen = _top_up_fen(row)
            payment.change_fen += payment.top_up_fen
        return payment

    def _state(self, row: PaymentRow) -> tuple[int, int]:
        result = Result(row.result)
        if row.kind == Kind.REFUSAL:
            return states_pb2.PAYMENT_STATE_REFUSED, row.reason
        if not result.accepted:
            if _top_up_fen(row):
                return states_pb2.PAYMENT_STATE_REFUSED, shown_reason(result)
            if row.purpose not in _EXCHANGES:
                return states_pb2.PAYMENT_STATE_REFUSED, payers_reason(result)
            order = orders_pb2.ExchangeOrder.FromString(bytes(row.note))
            return states_pb2.PAYMENT_STATE_REFUSED, exchange_reason(result, order)
        if row.kind == Kind.HOLD:
            return self._outgoing.state(row.position)
        return states_pb2.PAYMENT_STATE_SETTLED, 0

    def _describe(self, payment: payments_pb2.Payment, row: PaymentRow) -> None:
        payment.purpose = row.purpose if row.purpose in _PURPOSES else purposes_pb2.PURPOSE_PAYMENT  # type: ignore[assignment]
        payment.payment_id = f"{self._directory.number_of(row.origin)}-{row.sequence}"
        payment.payer_number = self._directory.number_of(row.debit)
        payment.payee_number = self._directory.number_of(row.credit)
        if row.origin == accounts.MIRROR:
            _fed(payment, row)
        elif row.purpose == purposes_pb2.PURPOSE_REFUND:
            refund = orders_pb2.RefundOrder.FromString(bytes(row.note))
            payment.memo, payment.refunds_payment_id = refund.memo, refund.refunds_payment_id
            payment.payee_number = payer_of(refund.refunds_payment_id)
        elif row.purpose == purposes_pb2.PURPOSE_SUSPENSE_PAYOUT:
            # An officer paid it out: shown as what it was before it came into suspense.
            entry = officers_pb2.SuspenseEntry.FromString(bytes(row.note))
            payment.purpose, payment.payment_id = entry.purpose, entry.payment_id
            payment.payer_number = entry.payer_number
        elif row.purpose == purposes_pb2.PURPOSE_LOST_SETTLEMENT:
            # Two officers took it for a payment that this database had lost.
            lost = registration_pb2.OutboundPayment.FromString(bytes(row.note))
            payment.payment_id, payment.memo = lost.payment_id, lost.memo
            payment.payee_number = lost.payee_number
        elif row.purpose == purposes_pb2.PURPOSE_SUB_WALLET:
            payment.payment_id = f"home-{row.sequence}"
        elif row.purpose == purposes_pb2.PURPOSE_MANDATE:
            request = orders_pb2.RequestToPay.FromString(bytes(row.note))
            payment.memo, payment.request_to_pay_id = request.text, id_of(request)
            if not row.sequence:  # its money, on the way from its holder's wallet
                payment.payment_id = f"mandate-{row.position}"
        elif row.purpose == purposes_pb2.PURPOSE_SWEEP:
            payment.payment_id = f"sweep-{row.position}"
            note = orders_pb2.SweepNote.FromString(bytes(row.note))
            payment.sweeps_payment_id = note.payment_id
        elif row.purpose == purposes_pb2.PURPOSE_PAYMENT:
            order = orders_pb2.PaymentOrder.FromString(bytes(row.note))
            payment.memo, payment.request_to_pay_id = order.memo, order.request_to_pay_id
            payment.payee_number = order.payee_number or payment.payee_number


def _fed(payment: payments_pb2.Payment, row: PaymentRow) -> None:
    """Fills in a payment that an entry of the feed brought."""
    entry = registration_pb2.FeedEntry.FromString(bytes(row.note))
    if row.purpose == purposes_pb2.PURPOSE_TOKEN_DEPOSIT:
        payment.payment_id = f"deposit-{entry.tokens_deposited.number}"
    elif row.purpose == purposes_pb2.PURPOSE_TOKEN_EXPIRY:
        payment.payment_id = f"restore-{entry.tokens_restored.number}"
    else:
        incoming = registration_pb2.OutboundPayment.FromString(entry.incoming.payment)
        payment.payment_id = incoming.payment_id
        payment.payer_number = incoming.payer_number
        payment.memo = incoming.memo
        payment.refunds_payment_id = incoming.refunds_payment_id
        payment.request_to_pay_id = incoming.request_to_pay_id


_EXCHANGES = (purposes_pb2.PURPOSE_TOP_UP, purposes_pb2.PURPOSE_CASH_OUT)
_PURPOSES = {
    purposes_pb2.PURPOSE_PAYMENT,
    purposes_pb2.PURPOSE_REFUND,
    purposes_pb2.PURPOSE_RETURN,
    *_EXCHANGES,
    purposes_pb2.PURPOSE_TOKEN_LOAD,
    purposes_pb2.PURPOSE_TOKEN_DEPOSIT,
    purposes_pb2.PURPOSE_TOKEN_EXPIRY,
    purposes_pb2.PURPOSE_SUB_WALLET,
    purposes_pb2.PURPOSE_SWEEP,
}
"""Those of statements; anything else, such as the settlement of a lost payment, is a payment."""

_SHOWN = (Kind.TRANSFER, Kind.HOLD, Kind.DELIVER)


def _top_up_fen(row: PaymentRow) -> int:
    """What a payment takes from its wallet's deposit account; 0 for any other row."""
    if not row.flags & RecordFlag.DECIDED_LAST or row.purpose != purposes_pb2.PURPOSE_PAYMENT:
        return 0
    # Its payee may be why it was decided last: room was made there first.
    return int(orders_pb2.PaymentOrder.FromString(bytes(row.note)).top_up_fen)


def _is_part(row: PaymentRow) -> bool:
    """Whether it has no line of its own: the top-up of such a payment, which has it in its line, or
    the sweep of one that was refused.
    """
    if row.purpose == purposes_pb2.PURPOSE_SWEEP:
        return row.result >= _REFUSED
    return row.purpose == purposes_pb2.PURPOSE_TOP_UP and not row.sequence


def _change(row: PaymentRow, account: int, state: int) -> int:
    """What a row changes in an account's available fen, for good or for now."""
    if state not in (states_pb2.PAYMENT_STATE_SETTLED, states_pb2.PAYMENT_STATE_PENDING):
        return 0
    if row.kind == Kind.HOLD and row.debit == account:
        return -int(row.amount_fen)
    if row.kind not in (Kind.TRANSFER, Kind.DELIVER):
        return 0
    if row.credit == account:
        return int(row.amount_fen) if row.result == Result.ACCEPTED else 0
    return -int(row.amount_fen) if row.debit == account else 0
