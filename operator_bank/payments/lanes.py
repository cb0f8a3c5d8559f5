"""Schedules submissions in one lane for each bank that is paid, so that none holds up another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

AGAIN_MS = 1_000
"""How long until a payment is submitted again that the central bank could not settle yet."""

LATER_MS = 10_000
"""How long until a payment is submitted again that is decided but not ended by the feed."""

_LONGEST_DOUBLINGS = 4


@dataclass
class Lane:
    """How far payments to one bank have been submitted. Times are by the monotonic clock.

    New payments go out at once. Payments that went out before go out again in rounds, a share at a
    time.

    Attributes:
        sent: number of the last payment that was submitted at all.
        again_after: number after which the round continues; 0 between rounds.
        again_at_ms: when it continues.
        first: number of the round's first payment.
        silences: how many shares in a row had no payment that ended.
    """

    sent: int = 0
    again_after: int = 0
    again_at_ms: int = 0
    first: int = 0
    silences: int = 0

    @property
    def silent(self) -> bool:
        """Whether payments in this lane have not ended of late."""
        return self.silences > 0

    def submitted_new(self, numbers: Sequence[int], ended: int, now_ms: int) -> None:
        """Notes that new payments were submitted, and how many of them have ended."""
        self.first = self.first or numbers[0]
        self.sent = numbers[-1]
        if ended and self.silences:
            # Payments end again: those that waited go out at once.
            self.silences, self.again_after, self.again_at_ms = 0, 0, now_ms
            return
        at_ms = now_ms + (LATER_MS if ended == len(numbers) else self._pause_ms())
        self.again_at_ms = min(self.again_at_ms, at_ms) if self.again_at_ms > now_ms else at_ms

    def submitted_again(
        self, numbers: Sequence[int], ended: int, now_ms: int, *, over: bool
    ) -> None:
        """Notes that a share of a round was submitted again.

        Args:
            numbers: of the share's payments.
            ended: how many of them have ended.
            now_ms: monotonic.
            over: this was the round's last share.
        """
        moves = ended > 0
        if not self.again_after:
            # The round's first payment is another than in the last round, so the feed has ended
            # some.
            moves = moves or numbers[0] != self.first
            self.first = numbers[0]
        self.silences = 0 if moves else self.silences + 1
        self.again_after = 0 if over else numbers[-1]
        if moves and not over:
            self.again_at_ms = now_ms
        else:
            self.again_at_ms = now_ms + (LATER_MS if ended == len(numbers) else self._pause_ms())

    def nothing_again(self, now_ms: int) -> None:
        """Notes that the round has nothing left after its place."""
        self.again_after, self.again_at_ms = 0, now_ms

    def _pause_ms(self) -> int:
        return AGAIN_MS << min(max(self.silences - 1, 0), _LONGEST_DOUBLINGS)
