"""What the root says of a bank or a device, brought along by whoever pays or asks.

A bundle for a country cannot hold all banks, and its filter takes a few honest devices for revoked
ones. Statements fill that in. Each is signed by the root and proves itself; one that does not is
as good as none, and nothing in it can make good what a bundle names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from offline_token.formats import CENTRAL_BANK, Certificate, Clearance, Statement
from offline_token.signing import verified as one_verified


class Statements:
    """Some statements, each verified when it is needed."""

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
        """Certificates of a bank's keys, of a root's own signature, that are valid now."""
        return [
            each
            for at, each in enumerate(self._given)
            if isinstance(each, Certificate)
            and each.bank == bank != CENTRAL_BANK
            and each.expires_time_ms >= now_ms
            and self._said(at)
        ]

    def clear(self, device: bytes, since_time_ms: int) -> bool:
        """Whether a device was not revoked at that time or later."""
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
