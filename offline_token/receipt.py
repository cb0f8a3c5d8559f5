"""A receipt: the payee signs, with the key of its request, that it has accepted a payment.

docs/explanation/offline_token.md specifies the bytes.
"""

from __future__ import annotations

import hashlib

from offline_token.formats import SIGNATURE_BYTES, tagged
from offline_token.signing import Signer, verified

RECEIPT_BYTES = SIGNATURE_BYTES


def sign_receipt(payee: Signer, payment: bytes) -> bytes:
    """Signs the payee's receipt for a payment. Returns 64 bytes."""
    return payee.sign(_signed_part(payment))[:SIGNATURE_BYTES]


def is_receipt(payee: bytes, payment: bytes, receipt: bytes) -> bool:
    """Whether these bytes are the payee's receipt for exactly this payment."""
    return verified(payee, _signed_part(payment), receipt)


def _signed_part(payment: bytes) -> bytes:
    return tagged("receipt/v1", hashlib.sha256(payment).digest())
