"""Asks other wallets for money, and pays or declines what others ask of this one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dcep.bank.v1 import asking_pb2, orders_pb2
from dcep.errors.v1 import errors_pb2
from language import N_, _
from runtime.checks import amount, invalid, text
from runtime.errors import BadAnswer, NoAnswer, Refusal
from runtime.messages import read_payload
from runtime.pagination import MAX_PAGE
from runtime.randomness import Randomness
from wallet.limits import MAX_DUE_MS, MAX_MEMO, MAX_REFERENCE, MAX_SPLIT, ORDER_VALID_MS
from wallet.online.account import check_number
from wallet.online.top_up import topping_up
from wallet.orders.submitter import OrderSubmitter, Placed
from wallet.orders.types import ASKED_PAYMENT
from wallet.peers.interface import LIST_ASKED, LIST_SUB_WALLETS

DECLINE = orders_pb2.ASKED_CHANGE_DECLINE
WITHDRAW = orders_pb2.ASKED_CHANGE_WITHDRAW
REMIND = orders_pb2.ASKED_CHANGE_REMIND
ALLOW = orders_pb2.ASKED_CHANGE_ALLOW


class AskedPerhaps(NoAnswer):
    """A request to pay got no answer: perhaps it was made."""

    following = N_("Look with `wallet requests` before you ask again.")


@dataclass(frozen=True)
class RequestLine:
    """A request to pay, as this wallet made it or is shown it.

    Attributes:
        name: the request's id.
        mine: whether this wallet has made it.
        counterparty: the other wallet's number.
        partial: whether it may be paid in parts.
        state: such as ``OPEN``.
        paid_fen: with what is on its way.
        reminders: how often its payer was reminded.
        digest: of what its asker signed, in hexadecimal: what a payer agrees to.
        mandate: the number of this wallet's mandate that it is asked by; else empty.
        not_paid: why it was not paid by the mandate, such as ``BEYOND_MANDATE``; else empty.
    """

    name: str
    mine: bool
    counterparty: str
    amount_fen: int
    partial: bool
    text: str
    reference: str
    due_time_ms: int
    time_ms: int
    state: str
    paid_fen: int
    reminders: int
    digest: str
    mandate: str = ""
    not_paid: str = ""

    @property
    def left_fen(self) -> int:
        """How much of it was not paid."""
        return max(0, self.amount_fen - self.paid_fen)

    @property
    def is_open(self) -> bool:
        """Whether it can be paid now."""
        return self.state == "OPEN"


class Requests:
    """The use-cases of requests to pay."""

    def __init__(
        self, submitter: OrderSubmitter, randomness: Randomness, *, tops_up: bool = False
    ) -> None:
        """`tops_up`: as in `OnlineWallet`."""
        self._submitter = submitter
        self._tops_up = tops_up
        self._randomness = randomness
        self._given: set[str] | None = None

    def ask(
        self,
        payer_number: str,
        amount_fen: int,
        *,
        words: str = "",
        reference: str = "",
        due_time_ms: int,
        partial: bool = False,
    ) -> str:
        """Asks a wallet for an amount; returns the request's id.

        Args:
            payer_number: who is asked.
            amount_fen: how much.
            words: for whoever is asked.
            reference: this wallet's own.
            due_time_ms: nothing is paid on it after that.
            partial: it may be paid in parts.

        Raises:
            Refusal: by the bank.
            AskedPerhaps: perhaps it was made.
        """
        check_number(payer_number, "payer_number")
        text(words, "text", longest=MAX_MEMO, shortest=0)
        text(reference, "reference", longest=MAX_REFERENCE, shortest=0)
        now_ms = self._submitter.clock.now_ms()
        if not now_ms < due_time_ms <= now_ms + MAX_DUE_MS:
            raise invalid("due_time_ms", _("lies between now and 366 days from now"))
        order = self._submitter.signed_alone(
            orders_pb2.RequestToPay,
            ORDER_VALID_MS,
            nonce=self._randomness.bytes(16),
            payer_number=payer_number,
            amount_fen=amount(amount_fen),
            partial=partial,
            text=words,
            reference=reference,
            due_time_ms=due_time_ms,
        )
        try:
            return self._submitter.bank.ask(order).request_to_pay_id
        except NoAnswer as error:
            raise AskedPerhaps(str(error)) from error

    def lines(self, *, open_only: bool = False) -> Iterator[RequestLine]:
        """Yields the requests of this wallet and those that it is shown, newest first."""
        token = ""
        while True:
            answer = self._list(MAX_PAGE, token)
            for one in answer.asked:
                line = self._line(one)
                if line.is_open or not open_only:
                    yield line
            token = answer.next_page_token
            if not token:
                return

    def find(self, name: str) -> RequestLine | None:
        """One of these requests; None if there is none of this id."""
        found = [self._line(one) for one in self._list(1, "", name).asked]
        return found[0] if found and found[0].name == name else None

    def get(self, name: str) -> RequestLine:
        """As `find`. Raises Refusal: REQUEST_TO_PAY_UNKNOWN."""
        found = self.find(name)
        if found is None:
            raise Refusal(
                errors_pb2.REASON_REQUEST_TO_PAY_UNKNOWN,
                N_("this wallet has made no such request and is shown none"),
                field="request_to_pay_id",
            )
        return found

    def pay(
        self,
        line: RequestLine,
        amount_fen: int,
        *,
        request_id: str = "",
        anew: bool = False,
        top_up: bool | None = None,
    ) -> Placed[asking_pb2.PayAskedResponse]:
        """Pays a request as it was looked at, or a part of it.

        Args:
            line: the request.
            amount_fen: how much.
            request_id: a program's id for the order; "" for a person's command.
            anew: see `OrderSubmitter.place`.
            top_up: as in `OnlineWallet.pay`.

        Raises:
            Refusal: as `OnlineWallet.pay`; the request may have been changed since.
            NoAnswer: the same call again does not pay twice.
        """
        tops_up = self._tops_up if top_up is None else top_up
        return self._submitter.place(
            ASKED_PAYMENT,
            request_id=request_id,
            anew=anew,
            ready=topping_up(self._submitter, amount_fen, wanted=tops_up),
            payee_number=line.counterparty,
            amount_fen=amount(amount_fen),
            memo=line.text,
            request_to_pay_id=line.name,
            request_to_pay_digest=bytes.fromhex(line.digest),
        )

    def ordered_before(self, line: RequestLine, amount_fen: int) -> int | None:
        """Fen of a payment of a request that this home has ordered without hearing what came of it.

        Args:
            line: the request.
            amount_fen: of the payment; 0 for any.
        """
        for order in self._submitter.unanswered(ASKED_PAYMENT):
            same = order.request_to_pay_id == line.name
            if same and amount_fen in (0, order.amount_fen):
                return order.amount_fen
        return None

    def change(self, name: str, change: orders_pb2.AskedChange) -> RequestLine:
        """Declines or withdraws a request, reminds of it, or has a mandate pay it; the same again
        changes nothing more.

        Raises:
            Refusal: by the bank.
        """
        order = self._submitter.signed_alone(
            orders_pb2.ChangeAskedOrder,
            ORDER_VALID_MS,
            request_to_pay_id=name,
            change=change,
        )
        return self._line(self._submitter.bank.change_asked(order).asked)

    def block(self, asker_number: str, *, blocked: bool) -> None:
        """Has no more requests of a wallet shown, or again; of everybody for ""."""
        if asker_number:
            check_number(asker_number, "asker_number")
        order = self._submitter.signed_alone(
            orders_pb2.BlockAskerOrder, ORDER_VALID_MS, asker_number=asker_number, blocked=blocked
        )
        self._submitter.bank.block_asker(order)

    def _list(self, size: int, token: str, name: str = "") -> asking_pb2.ListAskedResponse:
        query = self._submitter.query(LIST_ASKED)
        return self._submitter.bank.list_asked(query, size, token, name)

    def _line(self, asked: asking_pb2.Asked) -> RequestLine:
        """A request of the bank's answer, read from what its asker has signed."""
        payload = asked.request.payload
        request = read_payload(orders_pb2.RequestToPay, payload)
        mine = request.wallet_number == self._submitter.number
        mandate = ""
        if not mine and request.payer_number != self._submitter.number:
            mandate = request.payer_number
            if mandate not in self._mandates():
                raise BadAnswer(_("the bank shows a request of others"))
        return RequestLine(
            name=f"{request.wallet_number}-{request.nonce.hex()}",
            mine=mine,
            counterparty=request.payer_number if mine else request.wallet_number,
            amount_fen=request.amount_fen,
            partial=request.partial,
            text=request.text,
            reference=request.reference,
            due_time_ms=request.due_time_ms,
            time_ms=request.created_time_ms,
            state=asking_pb2.AskedState.Name(asked.state).removeprefix("ASKED_STATE_"),
            paid_fen=asked.paid_fen,
            reminders=asked.reminders,
            digest=hashlib.sha256(payload).hexdigest(),
            mandate=mandate,
            not_paid=errors_pb2.Reason.Name(asked.not_paid).removeprefix("REASON_")
            if asked.not_paid
            else "",
        )

    def _mandates(self) -> set[str]:
        """The numbers of the mandates that this wallet has given; the bank is asked once."""
        if self._given is None:
            query = self._submitter.query(LIST_SUB_WALLETS)
            subs = self._submitter.bank.list_sub_wallets(query).sub_wallets
            self._given = {one.wallet_number for one in subs if one.terms.HasField("mandate")}
        return self._given


def shares(amount_fen: int, people: Sequence[str]) -> dict[str, int]:
    """How much of a bill each of several wallets bears, in fen that add up to it exactly.

    Args:
        amount_fen: of the bill.
        people: their numbers; those named first bear the fen that are left over.

    Raises:
        Refusal: FIELD_INVALID, nobody or too many are named, somebody twice, or there is less than
            a fen for each.
    """
    if not 1 <= len(people) <= MAX_SPLIT:
        raise invalid("split", _("names 1 to {most} wallets").format(most=MAX_SPLIT))
    if len(set(people)) != len(people):
        raise invalid("split", _("names a wallet twice"))
    each, over = divmod(amount(amount_fen), len(people))
    if not each:
        raise invalid("split", _("leaves less than a fen for each"))
    return {number: each + (place < over) for place, number in enumerate(people)}
