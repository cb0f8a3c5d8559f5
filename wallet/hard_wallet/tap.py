"""Pays and is paid by a hard wallet that is held to this wallet's device.

A tap that is cut off anywhere pays once when it is repeated; what one side does not take goes back.
"""

from __future__ import annotations

from dcep.errors.v1 import errors_pb2
from language import _
from offline_token.formats import Endorsement
from runtime.errors import Refusal
from wallet.hard_wallet.reader import Card
from wallet.limits import MAX_TAGS
from wallet.offline import link_payments, text_format
from wallet.offline.link import Receipt
from wallet.offline.link_payments import Handed
from wallet.offline.outcomes import PaymentReturn, PaymentReturned
from wallet.offline.payments import OfflinePayments


class _Touched:
    """A card as the payee."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def show(self, payment: bytes) -> Receipt:
        try:
            return self._card.accept(payment)
        except Refusal as no:
            try:
                back = self._card.return_payment(payment)
            except Refusal:
                raise no from None
            raise PaymentReturned(text_format.write(text_format.BACK, back), no.message) from no

    def mine(self, payments: list[Endorsement]) -> list[bool]:
        if payments and not self._card.owned:
            raise Refusal(
                errors_pb2.REASON_NOT_THE_OWNER,
                _(
                    "a payment from here has no OK; if it was to this card, give its PIN, and "
                    "else pay anew (--anew)"
                ),
            )
        return [self._card.keys.holds(end.payee) for end in payments]


def give(
    offline_payments: OfflinePayments, card: Card, amount_fen: int, *, anew: bool = False
) -> Handed:
    """This device pays the card.

    Args:
        anew: ignore payments without an OK, and pay. Else those to this card are shown to it first;
            if it shows another key now, it recognises them only for its owner.

    Raises:
        PaymentReturn: the card did not take the payment, and this device has it again.
    """
    card.trust.exchange_bundles(offline_payments.device.trust)
    return link_payments.pay_shown(
        offline_payments, card.request(amount_fen), _Touched(card), anew=anew
    )


def take(offline_payments: OfflinePayments, card: Card, amount_fen: int) -> Handed:
    """The card pays this device. Raises PaymentReturn if this device did not take the payment."""
    card.trust.exchange_bundles(offline_payments.device.trust)
    request = offline_payments.device.payee.request(amount_fen)
    signature = offline_payments.device.payee.vouch(request, card.binding)
    answers = list(offline_payments.device.payee.answers().values())[-MAX_TAGS:]
    payment = card.pay(request, signature, answers)
    text = text_format.write(text_format.PAYMENT, payment)
    try:
        taken = link_payments.accept_or_return(offline_payments, text)
    except PaymentReturned as back:
        amount_fen = card.take_back(text_format.read(text_format.BACK, back.text))
        raise PaymentReturn(amount_fen, str(back)) from back
    card.confirm(payment, taken.receipt)
    return Handed(taken.amount_fen, taken.repeated)
