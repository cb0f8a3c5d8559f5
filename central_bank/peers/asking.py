"""Asks banks; bounds what a bank that does not answer can take from the others."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, NamedTuple, TypeVar

from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import (
    MAX_ANSWERS_AT_ONCE,
    MAX_ANSWERS_FOR_ONE,
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
K = TypeVar("K")


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
        self._checked: Counter[tuple[int, int]] = Counter()
        """Questions about payees on their way, by paying bank and asked bank."""

        self._answering: dict[int, Patience] = {}
        self._answered: Counter[tuple[int, int]] = Counter()
        """Questions for aliases on their way, by asking bank and asked bank."""

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
        patience = self._of(self._checks, bank, MAX_CHECKS_AT_ONCE)
        return self._bounded(
            (payer.index, bank.index),
            self._checked,
            MAX_CHECKS_FOR_ONE,
            lambda: _begin(patience, lambda: self._peers.check(bank, payees)),
        )

    def take_requests(
        self,
        sender: AdmittedBank,
        bank: AdmittedBank,
        items: Sequence[inbound_pb2.CarriedRequest],
    ) -> Asked[None] | None:
        """Begins to give a bank requests to pay of another one; None if it cannot be done now."""
        patience = self._of(self._carrying, bank, MAX_CARRIED_AT_ONCE)
        return self._bounded(
            sender.index,
            self._carried,
            MAX_CARRIED_FOR_ONE,
            lambda: _begin(patience, lambda: self._peers.take_requests(bank, items)),
        )

    def answer_alias(
        self, asker: AdmittedBank, bank: AdmittedBank, label: bytes, nonce: bytes
    ) -> Asked[bytes] | None:
        """Begins to ask a bank whom an alias stands for; None if it is not asked now."""
        patience = self._of(self._answering, bank, MAX_ANSWERS_AT_ONCE)
        return self._bounded(
            (asker.index, bank.index),
            self._answered,
            MAX_ANSWERS_FOR_ONE,
            lambda: _begin(
                patience, lambda: self._peers.answer_alias(bank, label, nonce, asker.prefix)
            ),
        )

    def reserve_for_redemption(
        self, bank: AdmittedBank, number: int, amount_fen: int
    ) -> Asked[None] | None:
        """Begins to have money reserved for a redemption; None if the bank is not asked now."""
        patience = self._of(self._reserving, bank, MAX_RESERVATIONS_AT_ONCE)
        return _begin(
            patience, lambda: self._peers.reserve_for_redemption(bank, number, amount_fen)
        )

    def _bounded(
        self, whose: K, open_: Counter[K], most: int, begin: Callable[[], Asked[T] | None]
    ) -> Asked[T] | None:
        """Begins a question, unless so many of its kind are on their way for somebody."""
        with self._lock:
            if open_[whose] >= most:
                return None
            open_[whose] += 1

        def over() -> None:
            with self._lock:
                open_[whose] -= 1
                if not open_[whose]:
                    del open_[whose]

        asked = None
        try:
            asked = begin()
        finally:
            if asked is None:
                over()
        if asked is not None:
            asked.answer.add_done_callback(lambda _: over())
        return asked

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
