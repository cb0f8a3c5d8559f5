"""Remembers payments and requests by the challenge of the request, up to a bound."""

from __future__ import annotations

from typing import TypeVar

from offline_token.formats import FormatError, Payment
from offline_token.verify import Reason
from wallet.secure_element.refusals import bad

T = TypeVar("T")


def challenge_of(payment: bytes) -> str:
    """The challenge of the request that a payment pays, hex; "" if it has no hops.

    Raises Refusal if the payment cannot be read.
    """
    try:
        hops = Payment.decode(payment).chains[0].hops
    except FormatError:
        raise bad(Reason.UNREADABLE) from None
    return hops[-1].endorsement.challenge.hex() if hops else ""


def forget_oldest(remembered: dict[str, T], limit: int) -> None:
    """Forgets the oldest until at most `limit` are left."""
    while len(remembered) > limit:
        del remembered[next(iter(remembered))]
