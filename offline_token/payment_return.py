"""A payee returns a payment: it endorses each piece back to the key that paid it.

The payer already has the payment, so only the payee's endorsements travel.
docs/explanation/offline_token.md specifies the bytes and the checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from offline_token.formats import (
    ENDORSEMENT_BYTES,
    ID_BYTES,
    PAYEE_OUTPUT,
    Certificate,
    Chain,
    Endorsement,
    FormatError,
    Hop,
    Payment,
)
from offline_token.limits import MAX_CHAINS, MAX_HOPS
from offline_token.signing import verified
from offline_token.verify import Bad, Piece, Reason, piece_of

_RETURN = b"B1"

CIRCUMSTANCES = frozenset(
    {
        Reason.TOKEN_EXPIRED,
        Reason.VALUE_TOO_LARGE,
        Reason.TOO_MANY_HOPS,
        Reason.BANK_UNKNOWN,
        Reason.DEVICE_EXPIRED,
        Reason.DEVICE_REVOKED,
        Reason.DEVICE_UNCLEAR,
        Reason.PAYMENT_TOO_LARGE,
    }
)
"""What is wrong with a payment through no fault of its payer, and is left out where it is judged
whether it is given back."""

RETURNED = CIRCUMSTANCES | {Reason.WRONG_AMOUNT}
"""Why a payment is refused that its payer may have made in good faith: an amount may have been
altered on the way. Such a one is given back; so is a good one for which the payee has no room."""


@dataclass(frozen=True)
class SignedReturn:
    """A payee's endorsements that return a payment: one for each chain, in the payment's order.

    Attributes:
        challenge: that of the request that was paid.
    """

    challenge: bytes
    endorsements: tuple[Endorsement, ...]

    def encode(self) -> bytes:
        """Raises FormatError."""
        if not 1 <= len(self.endorsements) <= MAX_CHAINS or len(self.challenge) != ID_BYTES:
            raise FormatError(f"signed return: a challenge and 1 to {MAX_CHAINS} endorsements")
        body = b"".join(each.encode() for each in self.endorsements)
        return _RETURN + self.challenge + bytes([len(self.endorsements)]) + body

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises FormatError."""
        start = len(_RETURN) + ID_BYTES + 1
        count = data[start - 1] if len(data) >= start else 0
        if data[: len(_RETURN)] != _RETURN or not 1 <= count <= MAX_CHAINS:
            raise FormatError("signed return: of another kind, or cut short")
        if len(data) != start + count * ENDORSEMENT_BYTES:
            raise FormatError(f"signed return: not the length of {count} endorsements")
        parts = [
            data[at : at + ENDORSEMENT_BYTES] for at in range(start, len(data), ENDORSEMENT_BYTES)
        ]
        endorsements = tuple(Endorsement.decode(part) for part in parts)
        return cls(data[len(_RETURN) : start - 1], endorsements)


def paid_pieces(payment: Payment) -> list[tuple[Piece, bytes]]:
    """The pieces that a payment pays, each with the key that paid it; nothing is verified.

    Raises Bad when the payment cannot be returned: a chain has no hop, or has no room for another.
    """
    found: list[tuple[Piece, bytes]] = []
    for chain in payment.chains:
        if not chain.hops:
            raise Bad(Reason.NOT_FOR_THIS_PAYEE)
        if len(chain.hops) >= MAX_HOPS:
            raise Bad(Reason.TOO_MANY_HOPS)
        found.append((piece_of(chain, PAYEE_OUTPUT), chain.hops[-1].certificate.key))
    return found


def returned(payment: Payment, payee: Certificate, back: SignedReturn) -> tuple[Chain, ...]:
    """The chains of a payment, each extended by its payee's endorsement back to the payer.

    Args:
        payment: the payment as it was made and verified then.
        payee: the certificate from the request.
        back: the endorsements that are said to be the payee's.

    Raises:
        Bad: these endorsements do not return exactly this payment, or another key signed them.
    """
    pieces = paid_pieces(payment)
    if len(back.endorsements) != len(pieces):
        raise Bad(Reason.WRONG_AMOUNT)
    chains: list[Chain] = []
    for chain, (piece, payer), end in zip(payment.chains, pieces, back.endorsements, strict=True):
        if piece.owner != payee.key:
            raise Bad(Reason.NOT_THE_OWNER)
        if end.output != PAYEE_OUTPUT:
            raise Bad(Reason.OUTPUT_INVALID)
        if end.amount_fen != piece.value_fen:
            raise Bad(Reason.WRONG_AMOUNT)
        if end.payee != payer:
            raise Bad(Reason.NOT_FOR_THIS_PAYEE)
        if end.challenge != back.challenge or end.challenge != chain.hops[-1].endorsement.challenge:
            raise Bad(Reason.WRONG_CHALLENGE)
        if not verified(payee.key, end.signed_part(piece.id), end.signature):
            raise Bad(Reason.ENDORSEMENT_FORGED)
        chains.append(Chain(chain.token, (*chain.hops, Hop(payee, end))))
    return tuple(chains)
