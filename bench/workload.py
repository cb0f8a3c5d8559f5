"""Makes up payments among many accounts, as records in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from settlement.build import LedgerBundle
from settlement.core import Answers, Batch
from settlement.limits import MAX_BATCH_RECORDS
from settlement.records import RECORD, AccountFlag, Kind, Records, Result, opening_ref

FUNDS_FEN = 10**9
TOO_MUCH_FEN = 10**14
SOURCE = 0
_LEDGER = 1
_PURPOSE = 1
_NOW_MS = 1_700_000_000_000
IN_FLIGHT = 64


def opening(accounts: int) -> Iterator[Records]:
    """Batches that open accounts 0 to accounts - 1 and fund all but account 0, the source."""
    for low in range(0, accounts, MAX_BATCH_RECORDS):
        high = min(accounts, low + MAX_BATCH_RECORDS)
        records = np.zeros(high - low, RECORD)
        records["kind"] = Kind.OPEN
        records["credit"] = np.arange(low, high)
        records["ref"] = opening_ref(ledger=_LEDGER)
        if low == SOURCE:
            records[SOURCE]["ref"] |= np.uint64(AccountFlag.MAY_GO_NEGATIVE)
        yield records
    for low in range(1, accounts, MAX_BATCH_RECORDS):
        high = min(accounts, low + MAX_BATCH_RECORDS)
        records = np.zeros(high - low, RECORD)
        records["kind"], records["purpose"] = Kind.TRANSFER, _PURPOSE
        records["credit"] = np.arange(low, high)
        records["amount_fen"] = FUNDS_FEN
        records["sequence"] = np.arange(low, high)
        yield records


class Payments:
    """Payments among accounts 1 to accounts - 1; the same seed makes the same payments.

    They are uniform, or with `zipf` skewed: the share of the r-th busiest account is in proportion
    to 1 / r, and about every third payment is more than its payer can have, so the rule refuses it.
    """

    def __init__(self, accounts: int, *, seed: int = 1, zipf: bool = False) -> None:
        self._accounts = accounts
        self._random = np.random.default_rng(seed)
        self._next = np.zeros(accounts, np.int64)
        self._ranks: NDArray[np.float64] | None = None
        if zipf:
            weights = np.cumsum(1.0 / np.arange(1, accounts))
            self._ranks = weights / weights[-1]
            self._names = self._random.permutation(np.arange(1, accounts))

    @property
    def nbytes(self) -> int:
        """The bytes in memory that this needs for its accounts."""
        return int(self._next.nbytes)

    def batch(self, size: int = MAX_BATCH_RECORDS) -> Records:
        """The next `size` payments."""
        random = self._random
        records = np.zeros(size, RECORD)
        debit, credit = self._parties(size)
        records["kind"], records["purpose"] = Kind.TRANSFER, _PURPOSE
        records["origin"] = records["debit"] = debit
        records["credit"] = credit
        records["amount_fen"] = random.integers(1, 1_000, size)
        if self._ranks is not None:
            records["amount_fen"][random.random(size) < 1 / 3] = TOO_MUCH_FEN
        records["time_ms"] = _NOW_MS
        records["expires_ms"] = _NOW_MS + 60_000
        records["digest"] = random.integers(0, 1 << 62, size)
        records["sequence"] = self._sequences(debit)
        return records

    def batches(self, count: int, size: int = MAX_BATCH_RECORDS) -> list[Batch]:
        """The next count × size payments, in batches."""
        return list(self.stream(count, size))

    def stream(self, count: int, size: int = MAX_BATCH_RECORDS) -> Iterator[Batch]:
        """As `batches`, but each batch is made when it is taken."""
        return (Batch(self.batch(size)) for _ in range(count))

    def _parties(self, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        others = self._accounts - 1
        if self._ranks is None:
            debit = self._random.integers(1, self._accounts, size)
            step = self._random.integers(1, others, size)
            return debit, (debit + step - 1) % others + 1
        first = np.searchsorted(self._ranks, self._random.random(size))
        second = np.searchsorted(self._ranks, self._random.random(size))
        second = np.where(first == second, (second + 1) % others, second)
        return self._names[first], self._names[second]

    def _sequences(self, debit: NDArray[np.int64]) -> NDArray[np.int64]:
        """The sequences of some payments (N,): each payer counts its own, within a batch too."""
        size = len(debit)
        order = np.argsort(debit, kind="stable")
        ordered = debit[order]
        starts = np.r_[True, ordered[1:] != ordered[:-1]]
        index = np.arange(size)
        nth = np.empty(size, np.int64)
        nth[order] = index - np.maximum.accumulate(np.where(starts, index, 0)) + 1
        found = self._next[debit] + nth
        np.add.at(self._next, debit, 1)
        return found


def pump(later: Callable[[Batch], Future[Answers]], batches: Iterable[Batch]) -> list[Answers]:
    """Submits all batches with a bounded number in flight; returns the answers in order."""
    source = iter(batches)
    waiting = deque(later(batch) for batch in islice(source, IN_FLIGHT))
    answers: list[Answers] = []
    while waiting:
        answers.append(waiting.popleft().result())
        for batch in islice(source, 1):
            waiting.append(later(batch))
    return answers


def later_of(bundle: LedgerBundle) -> Callable[[Batch], Future[Answers]]:
    """The function that submits a batch to a core without waiting for the answer."""
    ledger: Any = bundle.ledger
    submit: Callable[[Batch], Future[Answers]] = ledger.submit_later
    return submit


def fill(bundle: LedgerBundle, accounts: int) -> None:
    """Opens and funds accounts in a core."""
    check(pump(later_of(bundle), (Batch(records) for records in opening(accounts))), 0.0)


def check(answers: Sequence[Answers], refused: float) -> None:
    """Raises AssertionError unless about the expected share was refused, for lack of funds."""
    results = np.concatenate([answer.results for answer in answers])
    short = results == Result.INSUFFICIENT_FUNDS
    accepted = results == Result.ACCEPTED
    share = float(short.mean())
    tolerance = 4 / max(1.0, len(results)) ** 0.5 if refused else 0.0
    if not (short | accepted).all() or abs(share - refused) > tolerance:
        seen = np.unique(results, return_counts=True)
        raise AssertionError(f"expected a share of {refused:.3f} refused, saw results {seen}")
