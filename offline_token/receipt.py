"""A receipt: the payee signs, with the key of its request, that it has accepted a payment.

docs/explanation/offline_token.md specifies the bytes.
"""

from __future__ import annotations

import hashlib

from offline_token.formats import PAYEE_OUTPUT, SIGNATURE_BYTES, Payment, tagged
from offline_token.signing import Signer, verified
from offline_token.verify import piece_of

RECEIPT_BYTES = SIGNATURE_BYTES


def payment_id(payment: Payment) -> bytes:
    """Identifies a payment by the pieces that it pays: 32 bytes.

    A piece's id covers what its payer has signed, and nothing else. Whoever hands a payment on may
    add or leave out statements, reorder its chains, or show another certificate of the same key;
    it is the same payment all the same, to its payer and to its payee.
    """
    pieces = sorted(piece_of(chain, PAYEE_OUTPUT).id for chain in payment.chains)
    return hashlib.sha256(b"".join(pieces)).digest()


def sign_receipt(payee: Signer, paid: bytes) -> bytes:
    """Signs the payee's receipt for the payment with this `payment_id`. Returns 64 bytes."""
    return payee.sign(tagged("receipt/v2", paid))[:SIGNATURE_BYTES]


def is_receipt(payee: bytes, paid: bytes, receipt: bytes) -> bool:
    """Whether these bytes are a payee's receipt for the payment with this `payment_id`."""
    return verified(payee, tagged("receipt/v2", paid), receipt)
