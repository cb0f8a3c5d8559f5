"""Bounds what a bank has the central bank write down for good though it moves no money.

A refused payment is a record for ever. And with the first payment of a batch that settles, all that
the bank signed in the batch is kept, even if the rest of it is refused, repeated or dated ahead.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import (
    KEPT_FOR_NOTHING_BYTES,
    KEPT_FOR_NOTHING_BYTES_PER_HOUR,
    KEPT_FOR_NOTHING_MOST_BYTES,
    MOVED_BYTES,
)
from central_bank.registration.kept_batches import SignedBatch
from runtime.clock import Clock
from runtime.kept_bytes import KeptBytes
from settlement.core import Answers, Batch
from settlement.records import Result


def _nobody(_: int) -> int | None:
    return None


class KeptForNothing:
    """Counts such bytes by bank: checked before a call, counted after it."""

    def __init__(self, clock: Clock) -> None:
        self._bytes = KeptBytes(
            clock,
            at_once=KEPT_FOR_NOTHING_BYTES,
            per_hour=KEPT_FOR_NOTHING_BYTES_PER_HOUR,
            most=KEPT_FOR_NOTHING_MOST_BYTES,
        )
        # Bytes of payments that expired because a bank did not answer, by sender and silent bank.
        # They count separately, because the sender is not to blame, and because what one bank sends
        # must not hold up another's payments.
        self._by_silence = KeptBytes(
            clock,
            at_once=KEPT_FOR_NOTHING_BYTES,
            per_hour=KEPT_FOR_NOTHING_BYTES_PER_HOUR,
        )

    def check(self, bank: AdmittedBank) -> None:
        """Checks that a bank may have more written down.

        Raises:
            Refusal: OVERLOADED, with the time after which it may.
        """
        self._bytes.check(bank.index)

    def may_expire(self, sender: int, silent: int) -> bool:
        """Whether a payment may be written down now that expires because another bank did not
        answer.

        Args:
            sender: index of the bank that sent it.
            silent: index of the bank that did not answer.
        """
        return not self._by_silence.wait_ms((sender, silent))

    def count(
        self,
        signed: SignedBatch,
        batch: Batch,
        answers: Answers,
        *,
        moved_bytes: int = 0,
        silent: Callable[[int], int | None] = _nobody,
    ) -> None:
        """Counts what was written down for a batch of a bank.

        Args:
            signed: the signed batch.
            batch: what was decided.
            answers: the answers to it.
            moved_bytes: bytes of what the bank signed that has settled, besides MOVED_BYTES a
                record.
            silent: for the place of an expired payment, the index of the bank that did not answer;
                or None.
        """
        refused, kept = answers.refused_now(), signed.kept_bytes()
        for place in refused:
            size, expired = batch.bytes_of(place), answers.results[place] == Result.EXPIRED
            bank = silent(place) if expired else None
            if bank is None:
                kept += size
            else:
                self._by_silence.count((signed.bank.index, bank), size)
        new = (answers.positions > 0) & ~answers.repeated
        moved = int(np.count_nonzero(new)) - len(refused)
        came_of_it = MOVED_BYTES * moved + moved_bytes if moved else 0
        if kept or came_of_it:
            self._bytes.count(signed.bank.index, kept, came_of_it=came_of_it)
