"""When what is replaced ends: one rule for banks' certificates and keys, and the central bank's."""

from __future__ import annotations

from typing import NamedTuple


class Ending(NamedTuple):
    """What a renewal does to what was there before.

    Attributes:
        old_until_ms: until when that is good; 0: it is revoked.
        now_ms: when it is renewed.
        nothing_new: it only ends what was replaced before.
    """

    old_until_ms: int
    now_ms: int
    nothing_new: bool

    @property
    def revokes(self) -> bool:
        """Whether what it ends is good no more, whatever a clock says."""
        return not self.old_until_ms

    def end_of(self, until_ms: int, *, revoked: bool) -> int | None:
        """The end of something that had this one, 0 for none; None where it stays as it is.

        Nothing is made to last longer than it would have.
        """
        spared = until_ms == 0 if self.nothing_new else 0 < until_ms <= self.now_ms
        if revoked or spared:
            return None
        last_ms = max(self.old_until_ms, self.now_ms)
        return min(until_ms or last_ms, last_ms)
