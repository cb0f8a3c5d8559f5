"""Asks banks; bounds what a bank that does not answer can take from the others."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, NamedTuple, TypeVar

from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import (
    MAX_CARRIED_AT_ONCE,
    MAX_CARRIED_FOR_ONE,
    MAX_CHECKS_AT_ONCE,
    MAX_CHECKS_FOR_ONE,
    MAX_RESERVATIONS_AT_ONCE,
    PATIENCE_S,
)
from central_bank.peers.interface import BankPeers
from dcep.bank.v1 import inbound_pb2
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.patience import Patience, Turn

T = TypeVar("T")


class Asked(NamedTuple, Generic[T]):
    """A question on its way.

    Attributes:
        answer: raises NoAnswer or Refusal if the bank gave no answer.
        waited_for: whether callers may wait for it.
    """

    answer: Future[T]
    waited_for: bool


class Asking:
    """Asks banks, with separate patience for each bank and each kind of question.

    A bank that lets one kind of question hang is still asked the other kind. Of the questions about
    payees only a few at once may be about one paying bank's payments, so that other banks' can be
    asked too.
    """

    def __init__(self, peers: BankPeers, clock: Clock) -> None:
        self._peers = peers
        self._clock = clock
        self._lock = threading.Lock()
        self._checks: dict[int, Patience] = {}
        self._reserving: dict[int, Patience] = {}
        self._carrying: dict[int, Patience] = {}
        self._for: Counter[tuple[int, int]] = Counter()
        """Questions about payees on their way, by paying bank and asked bank."""

        self._carried: Counter[int] = Counter()
        """Calls with requests to pay on their way, by the bank that sends them."""

    def check(
        self, payer: AdmittedBank, bank: AdmittedBank, payees: Sequence[str]
    ) -> Asked[list[int]] | None:
        """Begins to ask whether wallets can be paid; None if the bank is not asked now.

        Args:
            payer: the bank whose payments it is about.
            bank: the bank that is asked.
            payees: wallet numbers.
        """
        pair = payer.index, bank.index
        with self._lock:
            if self._for[pair] >= MAX_CHECKS_FOR_ONE:
                return None
            self._for[pair] += 1
        asked = None
        try:
            patience = self._of(self._checks, bank, MAX_CHECKS_AT_ONCE)
            asked = _begin(patience, lambda: self._peers.check(bank, payees))
        finally:
            if asked is None:
                self._over(pair)
        if asked is not None:
            asked.answer.add_done_callback(lambda _: self._over(pair))
        return asked

    def _over(self, pair: tuple[int, int]) -> None:
        with self._lock:
            self._for[pair] -= 1
            if not self._for[pair]:
                del self._for[pair]

    def take_requests(
        self,
        sender: AdmittedBank,
        bank: AdmittedBank,
        items: Sequence[inbound_pb2.CarriedRequest],
    ) -> Asked[None] | None:
        """Begins to give a bank requests to pay of another one; None if it cannot be done now."""
        with self._lock:
            if self._carried[sender.index] >= MAX_CARRIED_FOR_ONE:
                return None
            self._carried[sender.index] += 1
        asked = None
        try:
            patience = self._of(self._carrying, bank, MAX_CARRIED_AT_ONCE)
            asked = _begin(patience, lambda: self._peers.take_requests(bank, items))
        finally:
            if asked is None:
                self._was_carried(sender)
        if asked is not None:
            asked.answer.add_done_callback(lambda _: self._was_carried(sender))
        return asked

    def _was_carried(self, sender: AdmittedBank) -> None:
        with self._lock:
            self._carried[sender.index] -= 1

    def reserve_for_redemption(
        self, bank: AdmittedBank, number: int, amount_fen: int
    ) -> Asked[None] | None:
        """Begins to have money reserved for a redemption; None if the bank is not asked now."""
        patience = self._of(self._reserving, bank, MAX_RESERVATIONS_AT_ONCE)
        return _begin(
            patience, lambda: self._peers.reserve_for_redemption(bank, number, amount_fen)
        )

    def _of(self, known: dict[int, Patience], bank: AdmittedBank, most: int) -> Patience:
        with self._lock:
            if bank.index not in known:
                quick_ms = round(PATIENCE_S * 1_000)
                known[bank.index] = Patience(self._clock, most=most, quick_ms=quick_ms)
            return known[bank.index]


def _begin(patience: Patience, ask: Callable[[], Future[T]]) -> Asked[T] | None:
    turn = patience.begin()
    if turn is None:
        return None
    try:
        answer = ask()
    except BaseException:
        patience.end(turn, answered=False)
        raise
    answer.add_done_callback(lambda found: _end(patience, turn, found))
    return Asked(answer, turn.waited_for)


def _end(patience: Patience, turn: Turn, answer: Future[T]) -> None:
    error = answer.exception()
    patience.end(turn, answered=error is None or isinstance(error, Refusal))
