"""Pays and is paid over a direct link; wherever the link is cut, each payment is made once.

A payer keeps each payment until its payee has said OK. When it meets that payee again, it first
shows the payments without an OK, and the payee says OK again to one that it took. A payee shows a
request to one device only: if two devices paid the same request, both would have paid.

A payment that the payee's device does not take through no fault of its payer is given back over the
same link, and again as often as it is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from language import _
from offline_token.formats import Endorsement, FormatError, Payment, Request
from runtime.clock import Clock
from runtime.errors import Refusal
from wallet.limits import LINK_TIMEOUT_S, MAX_TAGS
from wallet.offline import link, newer_bundles, text_format
from wallet.offline.link import Receipt, Taken
from wallet.offline.outcomes import LinkError, PaymentReturn, PaymentReturned
from wallet.offline.payments import OfflinePayments
from wallet.offline.text_format import PaperError
from wallet.secure_element.interface import Device, answer_of, question_of
from wallet.secure_element.remembering import paid_fen


class Requests(Protocol):
    """Remembers which requests were shown over a link."""

    def unseen(self, amount_fen: int) -> str | None:
        """The newest request for this amount that was shown to nobody; None if there is none."""
        ...

    def add(self, text: str, amount_fen: int, now_ms: int) -> None:
        """Keeps a request before it is shown."""
        ...

    def seen(self, text: str, now_ms: int) -> None:
        """Records that a request is shown to somebody now, or that nobody can pay it any more."""
        ...


@dataclass(frozen=True)
class Handed:
    """What the payee took.

    Attributes:
        repeated: it is a payment that was made before, and no other was made now.
        came_back_fen: worth of earlier payments without an OK that the payee gave back now.
    """

    amount_fen: int
    repeated: bool
    came_back_fen: int = 0


class Shown(Protocol):
    """A payee's device in reach."""

    def show(self, payment: bytes) -> Receipt:
        """Shows a payment; returns what the device took. Raises PaymentReturned."""
        ...

    def mine(self, payments: list[Endorsement]) -> list[bool]:
        """For each payment, given by its last endorsement, whether it was made to this device."""
        ...


class _OverLink:
    """A payee at the other end of a link."""

    def __init__(self, payee: link.Payee) -> None:
        self._payee = payee

    def show(self, payment: bytes) -> Receipt:
        return self._payee.show(text_format.write(text_format.PAYMENT, payment))

    def mine(self, payments: list[Endorsement]) -> list[bool]:
        questions = [question_of(end.challenge).hex() for end in payments]
        answers = self._payee.ask(questions) if questions else set()
        return [answer_of(end.challenge).hex() in answers for end in payments]


def pay(
    offline_payments: OfflinePayments,
    address: tuple[str, int],
    check: Callable[[str], None],
    *,
    finishing: Callable[[str, int], None] = lambda request, amount_fen: None,
    anew: bool = False,
    timeout_s: float = LINK_TIMEOUT_S,
) -> Handed:
    """Pays a device that listens.

    Args:
        address: where it listens.
        check: raises when a request should not be paid. It is called before anything new is paid,
            so not while finishing an earlier payment of the same amount may suffice.
        finishing: is told the request and an earlier payment's worth before that payment is shown.
        anew: leave payments without an OK aside, and make a new one.
        timeout_s: how long to wait for each answer.

    Raises:
        LinkError, LinkRefused: as `wallet.offline.link.send` says.
        PaymentReturn: the payment was not taken, and this device has it again.
        PaperError: the device's request cannot be read.
        Refusal: this device does not pay the request.
    """

    def talk(request: str, payee: link.Payee) -> Handed:
        data = _whole(request)
        newer_bundles.begin(offline_payments.device.trust, payee.say)
        return pay_shown(
            offline_payments,
            data,
            _OverLink(payee),
            check=lambda: check(request),
            finishing=lambda amount_fen: finishing(request, amount_fen),
            anew=anew,
        )

    return link.send(address, talk, timeout_s=timeout_s)


def pay_shown(
    offline_payments: OfflinePayments,
    request: bytes,
    payee: Shown,
    *,
    check: Callable[[], None] = lambda: None,
    finishing: Callable[[int], None] = lambda amount_fen: None,
    anew: bool = False,
) -> Handed:
    """Pays a request, or shows an earlier payment of the same amount again that got no OK.

    Args:
        request: encoded.
        payee: the device that made it.
        check: raises when the request should not be paid; called before anything new is paid.
        finishing: is told an earlier payment's worth in fen before that payment is shown.
        anew: leave payments without an OK aside, and make a new one.

    Raises:
        PaymentReturn: the payment was not taken, and this device has it again.
        LinkError: the receipt is not the payee's; the payment will be shown again.
        Refusal: this device does not pay the request.
    """
    device, asked, came_back_fen = offline_payments.device, Request.decode(request), 0
    unheard = [] if anew else _earlier(device, asked, payee)
    only_finishes = any(_worth_fen(earlier) == asked.amount_fen for earlier in unheard)
    if not only_finishes:
        check()
    for earlier in unheard:
        finishing(_worth_fen(earlier))
        try:
            receipt = payee.show(earlier)
        except PaymentReturned as back:
            came_back_fen += offline_payments.take_back(back.text)
            continue
        _confirm(device, earlier, receipt)
        # The receipt covers this payment, which says what it is worth. The amount beside the
        # receipt may have been altered on the way.
        if _worth_fen(earlier) == asked.amount_fen:
            return Handed(asked.amount_fen, True, came_back_fen)
    if only_finishes:  # the earlier payment came back, so a new one is made after all
        check()
    repeated = device.payer.has_paid(request)
    payment = device.payer.pay(request, unconfirmed=True)
    try:
        receipt = payee.show(payment)
    except PaymentReturned as back:
        raise PaymentReturn(offline_payments.take_back(back.text), str(back)) from back
    _confirm(device, payment, receipt)
    return Handed(asked.amount_fen, repeated, came_back_fen)


def _whole(request: str) -> bytes:
    """Decodes a request's text. Raises PaperError if the payee did not say a whole request."""
    data = text_format.read(text_format.REQUEST, request)
    try:
        Request.decode(data)
    except FormatError as error:
        raise PaperError(_("this request is not whole: {error}").format(error=error)) from error
    return data


def _worth_fen(payment: bytes) -> int:
    return paid_fen(Payment.decode(payment))


def _confirm(device: Device, payment: bytes, receipt: Receipt) -> None:
    """Confirms a payment. Raises LinkError if the OK is not the payee's: it is shown again."""
    try:
        device.payer.confirm(payment, receipt.signature)
    except Refusal as no:
        raise LinkError(
            _("{why}; whoever said OK may be between you").format(why=_(no.message))
        ) from no


def accept_or_return(
    offline_payments: OfflinePayments, payment: str, asked: bytes | None = None
) -> Taken:
    """Takes a payment, or gives it back.

    Args:
        payment: its text.
        asked: the encoded request that is shown, for `Taken.asked`; None if any payment will do.

    Raises:
        PaymentReturned: the payment was not taken through no fault of its payer.
        Refusal: the payment was not taken, and is not given back.
    """
    repeated = offline_payments.has_taken(payment)
    try:
        amount_fen = offline_payments.accept(payment)
    except Refusal as no:
        back = _signed_return(offline_payments, payment)
        if not back:
            raise
        over = asked is None or not offline_payments.device.payee.awaits(asked)
        raise PaymentReturned(back, no.message, asked=over, told=link.told(no)) from no
    over = asked is None or not offline_payments.device.payee.awaits(asked)
    receipt = offline_payments.receipt(payment)
    return Taken(amount_fen, repeated, asked=over, receipt=receipt)


def request_to_show(
    offline_payments: OfflinePayments,
    requests: Requests,
    clock: Clock,
    amount_fen: int,
    *,
    anew: bool = False,
) -> str:
    """The text of a request for this amount that nobody has seen: one that is left, or a new one.

    Args:
        anew: make a new one in any case.
    """
    while not anew and (request := requests.unseen(amount_fen)) is not None:
        if offline_payments.device.payee.awaits(text_format.read(text_format.REQUEST, request)):
            return request
        requests.seen(request, clock.now_ms())
    request = offline_payments.request(amount_fen)
    requests.add(request, amount_fen, clock.now_ms())
    return request


@dataclass(frozen=True)
class ShownRequest:
    """A payee that shows a request over a link and takes what is paid for it, or gives it back."""

    offline_payments: OfflinePayments
    requests: Requests
    clock: Clock
    request: str

    def show(self) -> str:
        """The request's text; from now on it is among those that somebody has seen."""
        self.requests.seen(self.request, self.clock.now_ms())
        return self.request

    def answer(self, line: str) -> str | None:
        """The answer to a question about this device's requests, or about trust bundles."""
        device = self.offline_payments.device
        return link.answer_to(line, self._answers) or newer_bundles.answer_to(device.trust, line)

    def accept(self, payment: str) -> Taken:
        """Takes a payment, or raises what `accept_or_return` does."""
        asked = text_format.read(text_format.REQUEST, self.request)
        return accept_or_return(self.offline_payments, payment, asked)

    def _answers(self) -> dict[str, str]:
        known = self.offline_payments.device.payee.answers()
        return {question.hex(): answer.hex() for question, answer in known.items()}


def _signed_return(offline_payments: OfflinePayments, payment: str) -> str:
    try:
        return offline_payments.return_payment(payment)
    except Refusal:
        return ""


def _earlier(device: Device, asked: Request, payee: Shown) -> list[bytes]:
    """Payments to this payee without an OK; if one of them pays this very request, only that."""
    found: list[bytes] = []
    elsewhere: list[tuple[bytes, Endorsement]] = []
    for payment in device.payer.unconfirmed():
        end = Payment.decode(payment).chains[0].hops[-1].endorsement
        if end.challenge == asked.challenge:
            return [payment]
        if end.payee == asked.certificate.key:
            found.append(payment)
        else:
            elsewhere.append((payment, end))
    # The payee may have loaded since, so that it shows another key.
    lately = elsewhere[-MAX_TAGS:]
    mine = payee.mine([end for _, end in lately])
    return found + [payment for (payment, _), its in zip(lately, mine, strict=True) if its]
