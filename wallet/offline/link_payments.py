"""Paying and being paid over a direct link; one that is cut anywhere pays once.

A payer keeps each payment until its payee has said OK. When it meets that payee again it shows the
payments without an OK first, and the payee says OK again to one that it took. A payee shows a
request to one device only: two that paid the same one would both have paid.

A payment that the payee's device does not take, through no fault of its payer, is given back over
the same link, and again as often as it is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dcep.errors.v1 import errors_pb2
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

_OWN_BUSINESS = frozenset((errors_pb2.REASON_OVER_BALANCE_CAP, errors_pb2.REASON_OVERLOADED))
"""What a payee's device holds, and how much its holder wants in it, no payer is told."""


class Requests(Protocol):
    """Remembers requests that were shown over a link."""

    def unseen(self, amount_fen: int) -> str | None:
        """The newest request of that amount that was shown to nobody."""
        ...

    def add(self, text: str, amount_fen: int, now_ms: int) -> None:
        """Keeps a request before it is shown."""
        ...

    def seen(self, text: str, now_ms: int) -> None:
        """It is shown to somebody now, or nobody can pay it any more."""
        ...


@dataclass(frozen=True)
class Handed:
    """What the payee took.

    Attributes:
        repeated: it is a payment made before, and no other was made.
        came_back_fen: earlier payments, without an OK so far, that the payee gave back.
    """

    amount_fen: int
    repeated: bool
    came_back_fen: int = 0


class Shown(Protocol):
    """A payee's device in reach."""

    def show(self, payment: bytes) -> Receipt:
        """Shows a payment; returns what it took. Raises PaymentReturned."""
        ...

    def mine(self, payments: list[Endorsement]) -> list[bool]:
        """Which payments, by the last endorsement of each, are to this device."""
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
        check: raises when a request should not be paid; not asked while it looks as if an earlier
            payment is all that there is to finish.
        finishing: is told the request and the worth of an earlier payment before that is shown.
        anew: leave payments without an OK aside, and pay.

    Raises:
        PaymentReturn: it was not taken, and is here again.
        PaperError: what the device asks for cannot be read.
    """

    def talk(request: str, payee: link.Payee) -> Handed:
        data = _whole(request)
        newer_bundles.begin(offline_payments.device, payee.say)
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
    """Pays a request, or shows a payment of the same amount again that got no OK.

    Args:
        check: raises when the request should not be paid; called before anything new is.
        finishing: is told the worth of an earlier payment before that is shown.
        anew: leave payments without an OK aside.
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
        # The receipt is for this payment, which says what it is worth: who is between may have
        # altered the amount beside it.
        if _worth_fen(earlier) == asked.amount_fen:
            return Handed(asked.amount_fen, True, came_back_fen)
    if only_finishes:  # but it came back
        check()
    payment = device.pay(request, unconfirmed=True)
    try:
        receipt = payee.show(payment)
    except PaymentReturned as back:
        raise PaymentReturn(offline_payments.take_back(back.text), str(back)) from back
    _confirm(device, payment, receipt)
    return Handed(asked.amount_fen, False, came_back_fen)


def _whole(request: str) -> bytes:
    """What a request is as bytes. Raises PaperError for what a payee may say, and is none."""
    data = text_format.read(text_format.REQUEST, request)
    try:
        Request.decode(data)
    except FormatError as error:
        raise PaperError(_("this request is not whole: {error}").format(error=error)) from error
    return data


def _worth_fen(payment: bytes) -> int:
    chains = Payment.decode(payment).chains
    return sum(chain.hops[-1].endorsement.amount_fen for chain in chains)


def _confirm(device: Device, payment: bytes, receipt: Receipt) -> None:
    """Raises LinkError when it is not the payee that said OK: the payment is shown again."""
    try:
        device.confirm(payment, receipt.signature)
    except Refusal as no:
        raise LinkError(
            _("{why}; whoever said OK may be between you").format(why=_(no.message))
        ) from no


def accept_or_return(
    offline_payments: OfflinePayments, payment: str, asked: bytes | None = None
) -> Taken:
    """Takes a payment, or raises PaymentReturned when its payer is not to blame that it cannot be.

    Args:
        asked: the request that is shown, for `Taken.asked`; None: whatever is paid.
    """
    repeated = offline_payments.has_taken(payment)
    try:
        amount_fen = offline_payments.accept(payment)
    except Refusal as no:
        back = _signed_return(offline_payments, payment)
        if not back:
            raise
        over = asked is None or not offline_payments.device.awaits(asked)
        told = "" if no.reason in _OWN_BUSINESS else no.message
        raise PaymentReturned(back, no.message, asked=over, told=told) from no
    over = asked is None or not offline_payments.device.awaits(asked)
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
    """A request of that amount that nobody has seen: one that is left, or a new one."""
    while not anew and (request := requests.unseen(amount_fen)) is not None:
        if offline_payments.device.awaits(text_format.read(text_format.REQUEST, request)):
            return request
        requests.seen(request, clock.now_ms())
    request = offline_payments.request(amount_fen)
    requests.add(request, amount_fen, clock.now_ms())
    return request


def accept(
    offline_payments: OfflinePayments,
    address: tuple[str, int],
    request: str,
    *,
    on_listening: Callable[[str], None],
    on_met: Callable[[], None],
    timeout_s: float = LINK_TIMEOUT_S,
) -> Taken:
    """Waits for the payer's device and takes what it pays."""
    asked = text_format.read(text_format.REQUEST, request)

    return link.receive(
        address,
        request,
        lambda payment: accept_or_return(offline_payments, payment, asked),
        on_listening=on_listening,
        on_met=on_met,
        answers=lambda: {
            question.hex(): answer.hex()
            for question, answer in offline_payments.device.answers().items()
        },
        about_bundles=lambda line: newer_bundles.answer_to(offline_payments.device, line),
        timeout_s=timeout_s,
    )


def _signed_return(offline_payments: OfflinePayments, payment: str) -> str:
    try:
        return offline_payments.return_payment(payment)
    except Refusal:
        return ""


def _earlier(device: Device, asked: Request, payee: Shown) -> list[bytes]:
    """Payments to this payee without an OK; for this very request only that one."""
    found: list[bytes] = []
    elsewhere: list[tuple[bytes, Endorsement]] = []
    for payment in device.unconfirmed():
        end = Payment.decode(payment).chains[0].hops[-1].endorsement
        if end.challenge == asked.challenge:
            return [payment]
        if end.payee == asked.certificate.key:
            found.append(payment)
        else:
            elsewhere.append((payment, end))
    # It may have loaded since, and show another key.
    lately = elsewhere[-MAX_TAGS:]
    mine = payee.mine([end for _, end in lately])
    return found + [payment for (payment, _), its in zip(lately, mine, strict=True) if its]
