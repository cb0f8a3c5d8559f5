"""One lane for each bank that is paid: what one of them does not take holds up no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

AGAIN_MS = 1_000
"""After so long a payment is submitted again that the central bank could not settle yet."""

LATER_MS = 10_000
"""After so long whatever the feed has not ended."""

_LONGEST_DOUBLINGS = 4


@dataclass
class Lane:
    """Where submitting to one bank stands. Times are by the monotonic clock.

    What is new goes out at once. What went out before goes out again in rounds, a share at a time.

    Attributes:
        sent: number of the last payment that was submitted at all.
        again_after: number behind which the round goes on.
        again_at_ms: when it goes on.
        first: number of the round's first payment.
        silences: shares in a row of which nothing has ended.
    """

    sent: int = 0
    again_after: int = 0
    again_at_ms: int = 0
    first: int = 0
    silences: int = 0

    @property
    def silent(self) -> bool:
        """Whether payments in it have not ended within a second."""
        return self.silences > 0

    def submitted_new(self, numbers: Sequence[int], ended: int, now_ms: int) -> None:
        """New payments were submitted, of which so many have ended."""
        self.first = self.first or numbers[0]
        self.sent = numbers[-1]
        if ended and self.silences:
            # It goes through again: what waited goes out at once.
            self.silences, self.again_after, self.again_at_ms = 0, 0, now_ms
            return
        at_ms = now_ms + (LATER_MS if ended == len(numbers) else self._pause_ms())
        self.again_at_ms = min(self.again_at_ms, at_ms) if self.again_at_ms > now_ms else at_ms

    def submitted_again(
        self, numbers: Sequence[int], ended: int, now_ms: int, *, over: bool
    ) -> None:
        """A share of a round was submitted again; with the last one the round is over."""
        moves = ended > 0
        if not self.again_after:
            # Another first one than in the last round: the feed has ended some.
            moves = moves or numbers[0] != self.first
            self.first = numbers[0]
        self.silences = 0 if moves else self.silences + 1
        self.again_after = 0 if over else numbers[-1]
        if moves and not over:
            self.again_at_ms = now_ms
        else:
            self.again_at_ms = now_ms + (LATER_MS if ended == len(numbers) else self._pause_ms())

    def nothing_again(self, now_ms: int) -> None:
        """Nothing is left behind the place where the round stood."""
        self.again_after, self.again_at_ms = 0, now_ms

    def _pause_ms(self) -> int:
        return AGAIN_MS << min(max(self.silences - 1, 0), _LONGEST_DOUBLINGS)
