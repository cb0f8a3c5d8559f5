"""Remembers payments and requests by the challenge of the request, up to a bound."""

from __future__ import annotations

from typing import TypeVar

from offline_token.formats import FormatError, Payment
from offline_token.receipt import payment_id
from offline_token.verify import Reason
from wallet.secure_element.refusals import bad

T = TypeVar("T")


def read_payment(payment: bytes) -> Payment:
    """Decodes a payment. Raises Refusal if it cannot be read."""
    try:
        return Payment.decode(payment)
    except FormatError:
        raise bad(Reason.UNREADABLE) from None


def challenge_of(payment: Payment) -> str:
    """The challenge of the request that a payment pays, hex; "" if it has no hops."""
    hops = payment.chains[0].hops
    return hops[-1].endorsement.challenge.hex() if hops else ""


def paid_fen(payment: Payment) -> int:
    """What a payment pays, in fen; each of its chains has been endorsed."""
    return sum(chain.hops[-1].endorsement.amount_fen for chain in payment.chains)


def names_of(payment: bytes) -> tuple[str, str]:
    """The challenge of the request that a payment pays, and the payment's id, both hex.

    Raises Refusal if the payment cannot be read.
    """
    paid = read_payment(payment)
    return challenge_of(paid), payment_id(paid).hex()


def forget_oldest(remembered: dict[str, T], limit: int) -> None:
    """Forgets the oldest until at most `limit` are left."""
    while len(remembered) > limit:
        del remembered[next(iter(remembered))]
