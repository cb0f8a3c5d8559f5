"""Asks the central bank within a wallet's call: few at once, and hardly while it is silent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from dcep.errors.v1 import errors_pb2
from operator_bank.limits import (
    CENTRE_QUICK_MS,
    MAX_ASKING,
    MAX_WAITING,
)
from operator_bank.payments.outbound import Outbound
from runtime.clock import Clock
from runtime.errors import NoAnswer, Refusal
from runtime.patience import Patience

FEED_PATIENCE_S = 5.0
"""How long a wallet's call waits for the feed after the central bank has answered."""
T = TypeVar("T")


class Questions:
    """Asks the central bank, and waits for the feed, in wallets' calls."""

    def __init__(self, outgoing: Outbound, clock: Clock) -> None:
        self._outgoing = outgoing
        self._patience = Patience(clock, most=MAX_ASKING, quick_ms=CENTRE_QUICK_MS)
        self.waiting = threading.BoundedSemaphore(MAX_WAITING)

    def ask(self, call: Callable[[], T]) -> T:
        """Asks the central bank. Only a few calls of wallets wait for it at once.

        If the central bank refuses the call, that is about this bank or its clock, and not about
        the wallet's order, which may still be performed.

        Raises:
            NoAnswer: there is no answer, or it cannot be asked now.
        """
        turn = self._patience.begin()
        if turn is None:
            raise NoAnswer("the central bank is not asked now")
        answered = True
        try:
            return call()
        except NoAnswer:
            answered = False
            raise
        except Refusal as refusal:
            raise NoAnswer(f"the central bank refused the call: {refusal}") from refusal
        finally:
            self._patience.end(turn, answered=answered)

    def need(self, call: Callable[[], T]) -> T:
        """As `ask`, for a call before which nothing was written down. Raises Refusal:
        PEER_UNAVAILABLE.
        """
        try:
            return self.ask(call)
        except NoAnswer as error:
            raise unavailable() from error

    def wait_for(self, done: Callable[[], bool], wait_s: float) -> None:
        """Waits until the feed has done something: up to `wait_s`, and at most FEED_PATIENCE_S.

        Returns at once if too many wait already.
        """
        if not self.waiting.acquire(blocking=False):
            return
        try:
            self._outgoing.wait_until(done, min(wait_s, FEED_PATIENCE_S))
        finally:
            self.waiting.release()


def unavailable() -> Refusal:
    """The refusal if the central bank must be asked and cannot be; nothing was written down yet."""
    return Refusal(
        errors_pb2.REASON_PEER_UNAVAILABLE, "the central bank cannot be asked now; ask again"
    )
