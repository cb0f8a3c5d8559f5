"""Shows officers what the journal has for a bank after a place in its feed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import MAX_LOOKED_AT
from central_bank.registration.feed import Feed
from central_bank.registration.feed_book import FeedBook
from dcep.registration.v1 import registration_pb2
from runtime.checks import invalid, journal_position
from settlement.ledger import Ledger

FeedEntry = registration_pb2.FeedEntry
OutboundPayment = registration_pb2.OutboundPayment


class Beyond(NamedTuple):
    """What the journal has for a bank.

    Attributes:
        kinds: how many entries after the place, and fen, by event; of a million entries at most.
    """

    acknowledged: int
    last_entry: int
    last_number: int
    last_deposit: int
    journal_position: int
    kinds: dict[str, tuple[int, int]]


class FeedLook:
    """The use-case behind GetFeedOf."""

    def __init__(self, feed: Feed, book: FeedBook, ledger: Ledger) -> None:
        self._feed = feed
        self._book = book
        self._ledger = ledger

    def announced(self) -> dict[int, int]:
        """Number of the last announcement that each bank follows, as it has signed, by its index;
        banks without a receipt are missing.
        """
        return self._book.announced()

    def beyond(self, bank: AdmittedBank, after_number: int) -> Beyond:
        """Sums up what there is. Raises Refusal: FIELD_INVALID, if the feed has no such entry."""
        link = self._feed.at(bank, journal_position(after_number, "after_number"))
        if link is None:
            raise invalid("after_number", "is no entry of this bank's feed")
        kinds: dict[str, tuple[int, int]] = {}
        while link.number - after_number < MAX_LOOKED_AT:
            before = link.position
            entries, link = self._feed.read(bank, link)
            for data in entries:
                entry = FeedEntry.FromString(data)
                event = entry.WhichOneof("event") or ""
                count, fen = kinds.get(event, (0, 0))
                kinds[event] = count + 1, fen + _FEN[event](entry)
            if link.position == before:
                break
        own = [bank.accounts.circulation, bank.accounts.deposits]
        number, deposit = self._ledger.read(own)["last_sequence"].tolist()
        told = self._book.told(bank.index)
        return Beyond(told.number, link.number, number, deposit, told.journal_position, kinds)


def _of_payment(data: bytes) -> int:
    return int(OutboundPayment.FromString(data).amount_fen)


def _ended(entry: FeedEntry) -> int:
    ended = entry.outgoing_ended
    if ended.WhichOneof("about") == "load":
        return int(ended.load.amount_fen)
    return _of_payment(ended.payment)


_FEN: dict[str, Callable[[FeedEntry], int]] = {
    "": lambda _: 0,
    "issued": lambda e: e.issued.amount_fen,
    "redeemed": lambda e: e.redeemed.amount_fen,
    "outgoing_settled": lambda e: _of_payment(e.outgoing_settled.payment),
    "outgoing_ended": _ended,
    "incoming": lambda e: _of_payment(e.incoming.payment),
    "tokens_registered": lambda e: e.tokens_registered.amount_fen,
    "tokens_deposited": lambda e: e.tokens_deposited.amount_fen,
    "redemption_rejected": lambda e: e.redemption_rejected.amount_fen,
    "tokens_restored": lambda e: e.tokens_restored.amount_fen,
}
