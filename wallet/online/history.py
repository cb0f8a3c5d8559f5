"""Searches a wallet's history by time, words or id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wallet.online.account import HistoryEntry, OnlineWallet

PAGES_A_REMARK = 10
"""How many pages are read before somebody who waits is told how far the search is."""


@dataclass(frozen=True)
class Wanted:
    """Which lines of a history somebody wants to see.

    Attributes:
        since_ms, until_ms: the first and the last time, both included; 0 for no bound.
        words: occurs in memo, counterparty, id, kind or state, in any case; "" for all.
    """

    since_ms: int = 0
    until_ms: int = 0
    words: str = ""

    @property
    def everything(self) -> bool:
        """Whether all lines are wanted."""
        return self == Wanted()

    def has(self, entry: HistoryEntry) -> bool:
        """Whether a line is wanted."""
        if entry.time_ms < self.since_ms or (self.until_ms and entry.time_ms > self.until_ms):
            return False
        texts = (entry.memo, entry.counterparty, entry.payment_id, entry.kind, entry.state)
        words = self.words.casefold()
        packed = words.replace(" ", "")
        return any(words in text.casefold() for text in texts) or packed in entry.counterparty


def find(
    holder: OnlineWallet, wanted: Wanted, limit: int, read_back_to: Callable[[HistoryEntry], None]
) -> tuple[list[HistoryEntry], bool]:
    """The newest wanted lines, at most `limit`, and whether there may be more.

    The bank's pages are read until one is older than `wanted.since_ms`. Every PAGES_A_REMARK pages
    `read_back_to` is given the oldest line so far.
    """
    found: list[HistoryEntry] = []
    for number, entries in enumerate(holder.pages(), 1):
        if entries and number % PAGES_A_REMARK == 0:
            read_back_to(entries[-1])
        for entry in entries:
            if wanted.has(entry):
                if len(found) == limit:
                    return found, True
                found.append(entry)
        # Lines are in the journal's order; after a clock was set back an older time can come first.
        past = bool(entries) and all(entry.time_ms < wanted.since_ms for entry in entries)
        if past:
            break
    return found, False


def find_payment(holder: OnlineWallet, payment_id: str) -> HistoryEntry | None:
    """The line of one payment, made or received; None if there is none."""
    lines = (entry for entries in holder.pages() for entry in entries)
    return next((entry for entry in lines if entry.payment_id == payment_id), None)
