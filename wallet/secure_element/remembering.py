"""Remembers payments and requests by the challenge of the request, up to a bound."""

from __future__ import annotations

import hashlib
from typing import NamedTuple, TypeVar

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


class Names(NamedTuple):
    """What a payment is remembered by, all hex.

    Attributes:
        challenge: of the request that it pays; "" if it has no hops.
        digest: SHA-256 of its bytes.
        payment_id: as `offline_token.receipt` has it; the same payment may come in other bytes.
    """

    challenge: str
    digest: str
    payment_id: str


def names_of(payment: bytes) -> Names:
    """What a payment is remembered by. Raises Refusal if it cannot be read."""
    paid = read_payment(payment)
    digest = hashlib.sha256(payment).hexdigest()
    return Names(challenge_of(paid), digest, payment_id(paid).hex())


def forget_oldest(remembered: dict[str, T], limit: int) -> None:
    """Forgets the oldest until at most `limit` are left."""
    while len(remembered) > limit:
        del remembered[next(iter(remembered))]
