"""Statements of the root about single banks and devices, which a payer or payee brings along.

A bundle for a whole country cannot hold all banks, and its filter matches a few honest devices.
Statements fill that gap. Each is signed by the root; one whose signature does not hold is ignored,
and none can clear a bank or device that the bundle lists as revoked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from offline_token.formats import CENTRAL_BANK, Certificate, Clearance, Statement
from offline_token.signing import verified as one_verified


class Statements:
    """Statements that came with a payment or request; each is verified when it is needed."""

    def __init__(
        self,
        given: Sequence[Statement],
        roots: Sequence[bytes],
        verified: Callable[[bytes, bytes, bytes], bool] = one_verified,
    ) -> None:
        """
        Args:
            given: at most `MAX_STATEMENTS`.
            roots: whose word counts.
            verified: checks a signature.
        """
        self._given = given
        self._roots = roots
        self._verified = verified
        self._said_before: dict[int, bool] = {}
        """Whether a root has said one, by its place: each is verified once, however often asked."""

    def certifiers(self, bank: str, now_ms: int) -> list[Certificate]:
        """The certificates of a bank's keys here that a root has signed and that are valid now."""
        return [
            each
            for at, each in enumerate(self._given)
            if isinstance(each, Certificate)
            and each.bank == bank != CENTRAL_BANK
            and each.expires_time_ms >= now_ms
            and self._said(at)
        ]

    def clear(self, device: bytes, since_time_ms: int) -> bool:
        """Whether a statement says that a device was not revoked at that time or later."""
        return any(
            isinstance(each, Clearance)
            and each.device == device
            and each.time_ms >= since_time_ms
            and self._said(at)
            for at, each in enumerate(self._given)
        )

    def _said(self, at: int) -> bool:
        if at not in self._said_before:
            part, signature = self._given[at].signed_part(), self._given[at].signature
            good = any(self._verified(root, part, signature) for root in self._roots)
            self._said_before[at] = good
        return self._said_before[at]


NOTHING = Statements((), ())
