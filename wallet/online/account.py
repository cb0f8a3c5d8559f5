"""Does what the holder of a wallet does with the bank."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import DecodeError

from currency.contract_words import purpose_word, state_name
from currency.number import NumberError, check
from dcep.bank.v1 import exchange_pb2, orders_pb2, payments_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from language import N_, _
from runtime.checks import amount, invalid, text
from runtime.errors import Refusal, reason_name
from runtime.pagination import MAX_PAGE
from wallet.limits import MAX_LOOKED_UP, MAX_MEMO
from wallet.online.top_up import topping_up
from wallet.online.watching import Watching
from wallet.orders.order_book import KeptOrder
from wallet.orders.submitter import OrderSubmitter, Placed
from wallet.orders.types import CLOSE, EXCHANGE, PAYMENT, REFUND, SWEEP
from wallet.peers.interface import GET_WALLET, LIST_PAYMENTS


@dataclass(frozen=True)
class HistoryEntry:
    """One line of the history.

    Attributes:
        counterparty: the other wallet's number, "" when there is none.
        change_fen: + received, − paid.
        reason: why it was refused, as the contract names it; "" when it was not.
        position: in the bank's journal.
        refunds_payment_id: of a refund, the payment that it gives back; "" for anything else.
        refunded_fen: of a payment that was received, how much was given back.
        request_to_pay_id: the request to pay that it answers; "" for none.
        top_up_fen: of a payment that was made, what came out of the deposit account for it;
            `change_fen` has it already.
        sweeps_payment_id: of a sweep, the payment that brought what went on to the deposit account.
    """

    payment_id: str
    state: str
    kind: str
    counterparty: str
    change_fen: int
    balance_after_fen: int
    time_ms: int
    memo: str
    reason: str = ""
    position: int = 0
    refunds_payment_id: str = ""
    refunded_fen: int = 0
    request_to_pay_id: str = ""
    top_up_fen: int = 0
    sweeps_payment_id: str = ""

    @property
    def moved_fen(self) -> int:
        """What was received, or paid, wherever it came from: + or −."""
        return self.change_fen - self.top_up_fen

    @property
    def left_fen(self) -> int:
        """How much of what was received has not been given back."""
        return self.change_fen - self.refunded_fen


class OnlineWallet:
    """The use-cases of an opened wallet that need its bank."""

    def __init__(self, submitter: OrderSubmitter, *, tops_up: bool = False) -> None:
        """`tops_up`: whether payments take what the wallet lacks from the deposit account."""
        self._submitter = submitter
        self._tops_up = tops_up

    def show(self) -> wallets_pb2.GetWalletResponse:
        """What the bank says about the wallet. Raises NoAnswer."""
        return self._submitter.bank.get_wallet(self._submitter.query(GET_WALLET))

    def top_up(
        self, amount_fen: int, *, receipt: bytes = b"", request_id: str = "", anew: bool = False
    ) -> Placed[exchange_pb2.ExchangeResponse]:
        """Moves money from the deposit account, or cash, into the wallet.

        Args:
            amount_fen: how much.
            receipt: the cash machine's receipt, a serialised SignedEnvelope; b"" for the deposit
                account.
            request_id: a program's id for the order; "" for a person's command.
            anew: see `OrderSubmitter.place`.
        """
        direction = orders_pb2.EXCHANGE_DIRECTION_TOP_UP
        return self._by_receipt(direction, amount_fen, receipt, request_id, anew)

    def cash_out(
        self, amount_fen: int, *, receipt: bytes = b"", request_id: str = "", anew: bool = False
    ) -> Placed[exchange_pb2.ExchangeResponse]:
        """Moves money from the wallet to the deposit account, or takes notes that a machine has
        ready.

        Args:
            amount_fen: how much.
            receipt: the cash machine's receipt, a serialised SignedEnvelope; b"" for the deposit
                account.
            request_id: a program's id for the order; "" for a person's command.
            anew: see `OrderSubmitter.place`.
        """
        direction = orders_pb2.EXCHANGE_DIRECTION_CASH_OUT
        return self._by_receipt(direction, amount_fen, receipt, request_id, anew)

    def _by_receipt(
        self, direction: int, amount_fen: int, receipt: bytes, request_id: str, anew: bool
    ) -> Placed[exchange_pb2.ExchangeResponse]:
        if not receipt:
            return self._exchange(direction, amount_fen, False, request_id, anew)
        try:
            envelope = SignedEnvelope.FromString(receipt)
        except DecodeError:
            raise invalid("cash_receipt", _("is no receipt of a cash machine")) from None
        return self._exchange(direction, amount_fen, True, request_id, anew, cash_receipt=envelope)

    def pay(
        self,
        payee_number: str,
        amount_fen: int,
        memo: str = "",
        *,
        request_id: str = "",
        anew: bool = False,
        top_up: bool | None = None,
    ) -> Placed[payments_pb2.PayResponse]:
        """Pays. A mistyped number is refused here, before anything is sent.

        Args:
            payee_number: who is paid.
            amount_fen: how much.
            memo: for the payee.
            request_id: a program's id for the order; "" for a person's command.
            anew: see `OrderSubmitter.place`.
            top_up: whether it takes what the wallet lacks from the deposit account, in the same
                step; None for what this wallet does as a rule.

        Raises:
            Refusal: NO_DEPOSIT_ACCOUNT, the wallet lacks something and has none; or by the bank.
        """
        check_number(payee_number, "payee_number")
        amount(amount_fen)
        text(memo, "memo", longest=MAX_MEMO, shortest=0)
        tops_up = self._tops_up if top_up is None else top_up
        return self._submitter.place(
            PAYMENT,
            request_id=request_id,
            anew=anew,
            ready=topping_up(self._submitter, amount_fen, wanted=tops_up),
            payee_number=payee_number,
            amount_fen=amount_fen,
            memo=memo,
        )

    def refund(
        self,
        payment_id: str,
        amount_fen: int = 0,
        memo: str = "",
        *,
        request_id: str = "",
        anew: bool = False,
        agree: Callable[[HistoryEntry, int], None] = lambda _received, _fen: None,
    ) -> Placed[payments_pb2.RefundResponse]:
        """Gives back a payment that was received.

        Args:
            payment_id: as the history has it.
            amount_fen: how much; 0 for all that is left of it when it is ordered.
            memo: for whoever gets it.
            request_id: a program's id for the order; "" for a person's command.
            anew: see `OrderSubmitter.place`.
            agree: is given the payment and the amount before a new order is made, and raises if it
                is not to be.

        Raises:
            Refusal: PAYMENT_UNKNOWN, no such payment was received; REFUND_TOO_LARGE, nothing is
                left of it; or by the bank.
        """
        text(memo, "memo", longest=MAX_MEMO, shortest=0)
        wish: dict[str, Any] = {"refunds_payment_id": payment_id, "memo": memo}
        if amount_fen:
            wish["amount_fen"] = amount(amount_fen)

        def ready() -> dict[str, int]:
            received = self._received(payment_id)
            fen = amount_fen or received.left_fen
            if fen <= 0:
                raise Refusal(
                    errors_pb2.REASON_REFUND_TOO_LARGE,
                    N_("all of this payment was refunded before"),
                    field="amount_fen",
                )
            agree(received, fen)
            return {"refunds_position": received.position, "amount_fen": fen}

        return self._submitter.place(
            REFUND,
            request_id=request_id,
            anew=anew,
            ready=ready,
            **wish,
        )

    def _received(self, payment_id: str) -> HistoryEntry:
        """The line of a payment that was received. Raises Refusal: PAYMENT_UNKNOWN."""
        for entries in self.pages():
            for entry in entries:
                if entry.payment_id == payment_id and entry.change_fen > 0:
                    return entry
        raise Refusal(
            errors_pb2.REASON_PAYMENT_UNKNOWN,
            N_("this wallet has received no such payment"),
            field="payment_id",
        )

    def close(self) -> None:
        """Closes the wallet at the bank; it must be empty."""
        self._submitter.place(CLOSE)

    def history(self, page_size: int = 0, page_token: str = "") -> tuple[list[HistoryEntry], str]:
        """A page of the history, newest first, and the next page's token; "" on the last page."""
        found = self._submitter.bank.list_payments(
            self._submitter.query(LIST_PAYMENTS), page_size, page_token
        )
        number = self._submitter.number
        return [entry_of(payment, number) for payment in found.payments], found.next_page_token

    def pages(self) -> Iterator[list[HistoryEntry]]:
        """Yields the whole history page by page, newest first, as it is asked for."""
        token = ""
        while True:
            entries, token = self.history(MAX_PAGE, token)
            yield entries
            if not token:
                return

    def unanswered(self) -> list[str]:
        """Ids of orders whose outcome is unknown, after asking the bank about each."""
        orders = self._submitter.book.unknown(self._submitter.number)[:MAX_LOOKED_UP]
        looked_up = [self._submitter.look_up(order) for order in orders]
        return [order.payment_id for order in looked_up if order.state == "UNKNOWN"]

    def resume(self) -> list[HistoryEntry]:
        """Lets this home order again; returns what was ordered elsewhere, newest first."""
        return [entry_of(payment, self._submitter.number) for payment in self._submitter.resume()]

    def sweep(self, *, sweeps: bool, above_fen: int = 0) -> None:
        """Has what payments bring over a level go on to the deposit account, or no more.

        Args:
            sweeps: whether it is to be so.
            above_fen: the level; 0 for what the wallet's class allows.

        Raises:
            Refusal: NO_DEPOSIT_ACCOUNT, and so on.
            NoAnswer: ask again.
        """
        self._submitter.place(SWEEP, anew=True, sweeps=sweeps, above_fen=above_fen)

    def watching(self, remark: Callable[[str], None] = lambda _: None) -> Watching:
        """Watches money arriving, from now on. Raises NoAnswer if the bank cannot be reached.

        Args:
            remark: is told, in a sentence, that the bank was lost or is back.
        """
        return Watching(self._submitter, remark)

    def entry(self, arrival: payments_pb2.WatchPaymentsResponse) -> HistoryEntry:
        """An arrival as a line of the history, with the balance at the time when it was told."""
        entry = entry_of(arrival.payment, self._submitter.number)
        return replace(entry, balance_after_fen=arrival.available_fen)

    def _exchange(
        self,
        direction: int,
        amount_fen: int,
        cash: bool,
        request_id: str,
        anew: bool,
        **more: SignedEnvelope,
    ) -> Placed[exchange_pb2.ExchangeResponse]:
        amount(amount_fen)
        medium = orders_pb2.EXCHANGE_MEDIUM_CASH if cash else orders_pb2.EXCHANGE_MEDIUM_DEPOSIT
        return self._submitter.place(
            EXCHANGE,
            request_id=request_id,
            anew=anew,
            direction=direction,
            medium=medium,
            amount_fen=amount_fen,
            **more,
        )


def refunded_fen(order: KeptOrder) -> int:
    """How much the order of a refund gives back."""
    return int(orders_pb2.RefundOrder.FromString(order.payload).amount_fen)


def entry_of(payment: payments_pb2.Payment, number: str) -> HistoryEntry:
    """A payment as its wallet sees it."""
    other = payment.payee_number if payment.payer_number == number else payment.payer_number
    return HistoryEntry(
        payment_id=payment.payment_id,
        state=state_name(payment.state),
        kind=purpose_word(payment.purpose),
        counterparty=other if other != number else "",
        change_fen=payment.change_fen,
        balance_after_fen=payment.balance_after_fen,
        time_ms=payment.time_ms,
        memo=payment.memo,
        reason=reason_name(payment.reason) if payment.reason else "",
        position=payment.position,
        refunds_payment_id=payment.refunds_payment_id,
        refunded_fen=payment.refunded_fen,
        request_to_pay_id=payment.request_to_pay_id,
        top_up_fen=payment.top_up_fen,
        sweeps_payment_id=payment.sweeps_payment_id,
    )


def check_number(number: str, field: str) -> None:
    """Raises Refusal: FIELD_INVALID, if this is no wallet's number: mistyped, as a rule."""
    try:
        check(number)
    except NumberError as wrong:
        raise Refusal(errors_pb2.REASON_FIELD_INVALID, str(wrong), field=field) from None
