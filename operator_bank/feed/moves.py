"""Decides what an entry of the feed becomes in this bank's ledger, before anything is applied.

An entry is checked against what this bank knows: its own payment that has not ended, its own
deposit, its own redemption. The rule does not refuse what passes here, so no entry uses up its
place in the feed without having been applied.
"""

from __future__ import annotations

from collections.abc import Sequence

from operator_bank.feed.chain import FeedBroken, NotKnown
from operator_bank.feed.entries import Move, ParsedEntry, fits
from operator_bank.feed.events import About, handler_of
from operator_bank.feed.known import Known, Sources
from operator_bank.lost.windows import ComeBacks
from runtime.errors import Refusal
from runtime.messages import check


class Moves:
    """Turns entries into moves."""

    def __init__(self, sources: Sources, windows: ComeBacks) -> None:
        self._sources = sources
        self._windows = windows

    def of(self, entries: Sequence[ParsedEntry]) -> tuple[list[Move], FeedBroken | None]:
        """The moves of these entries in order, up to the first that cannot be applied, and why it
        cannot.
        """
        known = Known(
            self._sources, _numbers(entries, About.OUTBOUND), _numbers(entries, About.DEPOSIT)
        )
        moves: list[Move] = []
        for one in entries:
            try:
                moves.append(self._move(one, known))
            except FeedBroken as broken:
                where = f"entry {one.entry.number} ({one.event})"
                return moves, type(broken)(f"{where} {broken}")
        return moves, None

    def _move(self, one: ParsedEntry, known: Known) -> Move:
        _check(one)
        handler = handler_of(one.event)
        try:
            return handler.move(one, known)
        except NotKnown:
            if known.has(one.number) or not self._windows.has(one.entry.number):
                raise
        if handler.ends_what_was_sent and one.number > self._sources.ledger.position():
            raise FeedBroken(
                f"speaks of outbound {one.number}, which this bank might use again: its journal"
                " has to go on behind it"
            )
        return handler.move_lost(one)


def _numbers(entries: Sequence[ParsedEntry], about: About) -> list[int]:
    """The numbers of what these entries are about, as far as the database can be asked for them."""
    return [
        one.number for one in entries if handler_of(one.event).about is about and fits(one.number)
    ]


def _check(one: ParsedEntry) -> None:
    """Checks an entry against the contract: a newer central bank may say what this bank does not
    know.
    """
    entry = one.entry
    entry.DiscardUnknownFields()
    if entry.ByteSize() != len(one.data):
        raise FeedBroken("has fields that this bank does not know")
    try:
        check(entry)
    except Refusal as refusal:
        raise FeedBroken(f"is beyond the contract: {refusal.message}") from None
