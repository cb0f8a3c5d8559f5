"""Payments that came in time and wait for the word of the bank that is paid.

One that expires so has expired by that bank's silence: what is written down of it counts apart, for
the two of them, and not for all that the sender has, whose other payments would have to wait.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from central_bank.limits import MAX_UNANSWERED


class Unanswered:
    """Knows them by who sent them, and by number; of one bank the newest. In memory alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[int, OrderedDict[int, int]] = {}

    def wait(self, bank: int, payees: Mapping[int, int]) -> None:
        """These payments of a bank wait, by number, each for the bank of that index."""
        if not payees:
            return
        with self._lock:
            mine = self._of.setdefault(bank, OrderedDict())
            mine.update(payees)
            while len(mine) > MAX_UNANSWERED:
                mine.popitem(last=False)

    def whose(self, bank: int, number: int) -> int | None:
        """The bank that a payment waits for, or None."""
        mine = self._of.get(bank)
        return mine.get(number) if mine else None

    def end(self, bank: int, numbers: Iterable[int]) -> None:
        """These payments of a bank have ended."""
        mine = self._of.get(bank)
        if mine:  # nearly never: each payment passes here
            with self._lock:
                for number in numbers:
                    mine.pop(number, None)
