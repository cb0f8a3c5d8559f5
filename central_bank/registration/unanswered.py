"""Remembers payments that came in time and wait for the answer of the payee's bank.

If such a payment expires, that is because the payee's bank did not answer. What is written down
then counts separately, for the two banks, and not against everything that the sender may have
written down; otherwise its other payments would have to wait.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from central_bank.limits import MAX_UNANSWERED


class Unanswered:
    """Such payments by sender and number; the newest of each sender, in memory only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[int, OrderedDict[int, int]] = {}

    def wait(self, bank: int, payees: Mapping[int, int]) -> None:
        """Notes payments that wait.

        Args:
            bank: index of the sender.
            payees: index of the payee's bank, by the payment's number.
        """
        if not payees:
            return
        with self._lock:
            mine = self._of.setdefault(bank, OrderedDict())
            mine.update(payees)
            while len(mine) > MAX_UNANSWERED:
                mine.popitem(last=False)

    def whose(self, bank: int, number: int) -> int | None:
        """Index of the bank that a payment waits for; None if it does not wait."""
        mine = self._of.get(bank)
        return mine.get(number) if mine else None

    def end(self, bank: int, numbers: Iterable[int]) -> None:
        """Notes that payments of a bank have ended."""
        mine = self._of.get(bank)
        if mine:  # nearly never; all payments come through here
            with self._lock:
                for number in numbers:
                    mine.pop(number, None)
