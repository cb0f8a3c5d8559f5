"""A payee's word that it has taken a payment: signed with the key that the request has shown.

docs/explanation/offline_token.md specifies the bytes.
"""

from __future__ import annotations

import hashlib

from offline_token.formats import SIGNATURE_BYTES, tagged
from offline_token.signing import Signer, verified

RECEIPT_BYTES = SIGNATURE_BYTES


def sign_receipt(payee: Signer, payment: bytes) -> bytes:
    """The payee's receipt for a payment. 64 bytes."""
    return payee.sign(_signed_part(payment))[:SIGNATURE_BYTES]


def is_receipt(payee: bytes, payment: bytes, receipt: bytes) -> bool:
    """Whether the payee's key has signed that it has taken this very payment."""
    return verified(payee, _signed_part(payment), receipt)


def _signed_part(payment: bytes) -> bytes:
    return tagged("receipt/v1", hashlib.sha256(payment).digest())
