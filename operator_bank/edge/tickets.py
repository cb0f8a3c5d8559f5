"""The bank's word to its edge that somebody has shown a signature, by which the edge asks again.

The edge reads what strangers send. Should one of them take it over, it learns from the bank what
concerns the holders who are connected to it, and no other wallet's arrivals or balance.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from runtime.checks import invalid


class Tickets:
    """Made and recognised with a secret that is never written down: they end with the process."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def give(self, kind: str, *subject: object) -> bytes:
        """The 16 bytes that stand for this; `kind` says what may be asked with them."""
        words = " ".join((kind, *map(str, subject)))
        return hashlib.blake2b(words.encode(), key=self._secret, digest_size=16).digest()

    def check(self, ticket: bytes, kind: str, *subject: object) -> None:
        """That a ticket was given for this. Raises Refusal: FIELD_INVALID."""
        if not hmac.compare_digest(ticket, self.give(kind, *subject)):
            raise invalid("ticket", "was not given for this")
