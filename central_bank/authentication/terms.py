"""Decides when something that is replaced ends: one rule for certificates, keys and roots."""

from __future__ import annotations

from typing import NamedTuple


class Ending(NamedTuple):
    """What a renewal does to what was there before.

    Attributes:
        old_until_ms: until when that is good; 0 to revoke it.
        now_ms: when it is renewed.
        nothing_new: nothing replaces it; only what was replaced before ends.
    """

    old_until_ms: int
    now_ms: int
    nothing_new: bool

    @property
    def revokes(self) -> bool:
        """Whether what it ends is revoked, and so bad whatever the clock says."""
        return not self.old_until_ms

    def end_of(self, until_ms: int, *, revoked: bool) -> int | None:
        """The new end of something; None if it stays as it is. Nothing is made to last longer.

        Args:
            until_ms: the end that it has; 0 for none.
            revoked: whether it was revoked before.
        """
        spared = until_ms == 0 if self.nothing_new else 0 < until_ms <= self.now_ms
        if revoked or spared:
            return None
        last_ms = max(self.old_until_ms, self.now_ms)
        return min(until_ms or last_ms, last_ms)
