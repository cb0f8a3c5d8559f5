"""Makes tickets: the bank tells its edge that somebody has shown a signature.

With a ticket the edge may ask again about the same matter. The edge reads what strangers send. If
one of them took it over, it could learn only about the holders who are connected to it, and not
about any other wallet's arrivals or balance.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from runtime.checks import invalid


class Tickets:
    """Makes and checks tickets with a secret that is never written down: they end with the
    process.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def give(self, kind: str, *subject: object) -> bytes:
        """Makes a ticket, 16 bytes.

        Args:
            kind: what may be asked with it.
            subject: what it may be asked about.
        """
        words = " ".join((kind, *map(str, subject)))
        return hashlib.blake2b(words.encode(), key=self._secret, digest_size=16).digest()

    def check(self, ticket: bytes, kind: str, *subject: object) -> None:
        """Checks that a ticket was given for this. Raises Refusal: FIELD_INVALID."""
        if not hmac.compare_digest(ticket, self.give(kind, *subject)):
            raise invalid("ticket", "was not given for this")
