"""Pays what is left of a run, and asks about what is on its way, until nothing is open.

New payments are written down and sent some hundred at a time. With each call goes what is still on
its way to other banks. What a bank does not decide now is set aside until all others are ordered.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from language import _
from runtime.clock import Clock
from runtime.errors import RETRY_AFTER_MS, NoAnswer, Refusal, is_undecided
from wallet.limits import (
    MAX_PAYROLL_ASIDE,
    MAX_PAYROLL_PAUSE_S,
    MAX_PAYROLL_PENDING,
    PAYROLL_ITEMS,
    PAYROLL_PATIENCE_S,
    PAYROLL_PAUSES_S,
)
from wallet.orders.bulk import BulkPayments, Wish
from wallet.orders.order_book import KeptOrder
from wallet.payroll.runs import PAYERS_OWN

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class PayrollPayments:
    """Pays a run.

    Attributes:
        pause: waits so many seconds.
        advance: is told how many more payments have ended.
        remark: is told, in a sentence, that the bank has to be waited for.
    """

    bulk: BulkPayments
    clock: Clock
    pause: Callable[[float], None]
    advance: Callable[[int], None]
    remark: Callable[[str], None]

    def pay(self, run: str, open_orders: Sequence[KeptOrder], wishes: Iterator[Wish]) -> int:
        """Orders payments, and gets these and the open ones to their ends, as far as banks say.

        It ends when all have ended; when the payer itself was refused and what is on its way has
        ended; or when for PAYROLL_PATIENCE_S no payment has.

        Args:
            open_orders: the run's orders of unknown outcome.
            wishes: the payments that are to be ordered, none of which the run has ordered.

        Returns:
            The Reason for which no more was ordered; 0 if all was.

        Raises:
            Refusal: WALLET_USED_ELSEWHERE, or of a whole call.
            NoAnswer: the bank was silent for PAYROLL_PATIENCE_S.
        """
        flying, aside = list(open_orders), list[KeptOrder]()
        stopped, idle = 0, _Idle(self)
        more = True
        while True:
            new: list[KeptOrder] = []
            room = len(flying) <= MAX_PAYROLL_PENDING and len(aside) <= MAX_PAYROLL_ASIDE
            if more and room and not stopped:
                part = list(islice(wishes, PAYROLL_ITEMS))
                more = len(part) == PAYROLL_ITEMS
                new = self._patiently(partial(self.bulk.order, run, part)) if part else []
            if not (new or flying or aside):
                return stopped
            asked = [*flying[:MAX_PAYROLL_PENDING], *new]
            flying = flying[MAX_PAYROLL_PENDING:]
            if not new:
                asked += aside[:PAYROLL_ITEMS]
                aside = aside[PAYROLL_ITEMS:]
            said = self._patiently(partial(self.bulk.send, asked))
            ended = [one.order for one in said if one.ended]
            flying += [one.order for one in said if not one.ended and not one.reason]
            aside += [one.order for one in said if not one.ended and one.reason]
            self.advance(len(ended))
            stopped = stopped or next((o.reason for o in ended if o.reason in PAYERS_OWN), 0)
            if not idle.goes_on(bool(ended or new)):
                return stopped

    def _patiently(self, ask: Callable[[], list[Answer]]) -> list[Answer]:
        """The answer of a call, which is made again while there is none or the bank says later.

        Raises:
            Refusal: a final one.
            NoAnswer: there was none for PAYROLL_PATIENCE_S.
        """
        idle = _Idle(self)
        while True:
            told_s = 0.0
            try:
                return ask()
            except Refusal as refusal:
                if not is_undecided(refusal.reason):
                    raise
                told = refusal.metadata.get(RETRY_AFTER_MS, "")
                told_s = int(told) / 1_000 if told.isdecimal() else 0.0
                why: Exception = refusal
            except NoAnswer as error:
                why = error
            if idle.is_first:
                self.remark(_("The bank does not answer ({why}); asking again …").format(why=why))
            if not idle.goes_on(False, told_s):
                raise NoAnswer(str(why)) from why


class _Idle:
    """Pauses while nothing goes on, each time for longer, up to PAYROLL_PATIENCE_S."""

    def __init__(self, payments: PayrollPayments) -> None:
        self._payments = payments
        self._begin()

    @property
    def is_first(self) -> bool:
        """Whether it has not paused yet since something went on."""
        return self._count == 0

    def goes_on(self, something: bool, told_s: float = 0.0) -> bool:
        """Pauses unless something went on; False if nothing has for too long.

        Args:
            told_s: for how long a bank said to wait.
        """
        if something:
            self._begin()
            return True
        clock = self._payments.clock
        if clock.monotonic_ms() - self._since_ms >= PAYROLL_PATIENCE_S * 1_000:
            return False
        own_s = PAYROLL_PAUSES_S[min(self._count, len(PAYROLL_PAUSES_S) - 1)]
        self._count += 1
        # Those who were all turned away at once do not come back all at once.
        self._payments.pause(min(max(own_s, told_s) * random.uniform(1, 1.25), MAX_PAYROLL_PAUSE_S))
        return True

    def _begin(self) -> None:
        self._since_ms, self._count = self._payments.clock.monotonic_ms(), 0
