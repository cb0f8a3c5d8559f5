"""Payments and requests that are remembered by the challenge of the request, up to a bound."""

from __future__ import annotations

from typing import TypeVar

from offline_token.formats import FormatError, Payment
from offline_token.verify import Reason
from wallet.secure_element.refusals import bad

T = TypeVar("T")


def challenge_of(payment: bytes) -> str:
    """The challenge that a payment answers, hex; empty when there is none. Raises Refusal."""
    try:
        hops = Payment.decode(payment).chains[0].hops
    except FormatError:
        raise bad(Reason.UNREADABLE) from None
    return hops[-1].endorsement.challenge.hex() if hops else ""


def forget_oldest(remembered: dict[str, T], limit: int) -> None:
    """Down to so many."""
    while len(remembered) > limit:
        del remembered[next(iter(remembered))]
