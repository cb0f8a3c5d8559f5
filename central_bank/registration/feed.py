"""The feed: for each bank, in order, what the journal says about it; read from there alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from central_bank import accounts
from central_bank.authentication.registry import Bank, Registry
from central_bank.limits import MAX_FEED_BYTES, MAX_FEED_ENTRIES
from central_bank.registration.settle import outcome_of
from dcep.registration.v1 import registration_pb2
from settlement.journal import Entry, Journal
from settlement.records import Kind, Result

_ROWS = 64
_ENTRY_BYTES = 96
"""More than an entry has besides its note."""
_REFUSED = int(Result.MALFORMED)


class Feed:
    """Reads a bank's entries after a position."""

    def __init__(self, journal: Journal, registry: Registry) -> None:
        self._journal = journal
        self._registry = registry

    def after(self, bank: Bank, position: int) -> tuple[registration_pb2.FollowFeedResponse, int]:
        """The bank's next entries, and the position up to which the journal has been read."""
        # Entries are made where they are sent from: one that stood alone would be copied there.
        found = registration_pb2.FollowFeedResponse()
        entries = found.entries
        names = {known.index: known.name for known in self._registry.all()}
        own = _own(bank)
        size = 0
        for row in self._journal.read(position, limit_rows=_ROWS):
            mine = _mine(row, own, position)
            columns = [row.records[name][mine].tolist() for name in _COLUMNS]
            results = row.results[mine].tolist()
            for index, result, *values in zip(mine, results, *columns, strict=True):
                if len(entries) == MAX_FEED_ENTRIES or size > MAX_FEED_BYTES:
                    return found, entries[-1].position
                entry = entries.add()
                entry.position = row.first_position + index
                note = row.note(index)
                size += _ENTRY_BYTES + len(note)
                _tell(entry, _Mine._make(values), result, note, own, names)
            position = row.last_position
        return found, position


class _Own(NamedTuple):
    """The accounts of a bank whose records it hears of."""

    circulation: int
    office: int
    deposits: int
    restored: int


def _own(bank: Bank) -> _Own:
    return _Own(
        accounts.circulation(bank.index),
        accounts.office(bank.index),
        accounts.deposits(bank.index),
        accounts.restored(bank.index),
    )


class _Mine(NamedTuple):
    """What the feed needs of a record."""

    origin: int
    debit: int
    credit: int
    spare: int
    sequence: int
    amount_fen: int
    time_ms: int


_COLUMNS = _Mine._fields


def _tell(
    entry: registration_pb2.FeedEntry,
    record: _Mine,
    result: int,
    note: bytes,
    own: _Own,
    names: dict[int, str],
) -> None:
    """Writes into an entry what a record of `_mine` says."""
    entry.time_ms = record.time_ms
    if record.origin == own.circulation:
        _outgoing(entry, record, result, note)
    elif record.origin == own.deposits:
        entry.tokens_deposited.ParseFromString(note)
    elif record.origin == own.restored:
        entry.tokens_restored.ParseFromString(note)
    elif record.origin != own.office:
        incoming, payer = entry.incoming, accounts.bank_of(record.debit)
        incoming.from_bank = "" if payer is None else names.get(payer, "")
        incoming.payment.MergeFromString(note)
    elif result >= _REFUSED:
        entry.redemption_rejected.number = record.sequence
        entry.redemption_rejected.amount_fen = record.amount_fen
    elif record.credit == own.circulation:
        entry.issued.ParseFromString(note)
    else:
        entry.redeemed.ParseFromString(note)


def _outgoing(entry: registration_pb2.FeedEntry, record: _Mine, result: int, note: bytes) -> None:
    if result >= _REFUSED:
        state, reason = outcome_of(result, record.spare)
        entry.outgoing_ended.number = record.sequence
        entry.outgoing_ended.state = state  # type: ignore[assignment]
        entry.outgoing_ended.reason = reason
    elif record.credit == accounts.OFFLINE_FLOAT:
        entry.tokens_registered.ParseFromString(note)
    else:
        entry.outgoing_settled.number = record.sequence


def _mine(row: Entry, own: _Own, after: int) -> list[int]:
    """Indices of the records that a bank hears of."""
    origin, debit, credit = (row.records[name] for name in ("origin", "debit", "credit"))
    took_effect = (credit == own.circulation) | (origin == own.deposits)
    took_effect &= row.results < _REFUSED
    # What became of its own payments and redemptions it hears in any case.
    chosen = (origin == own.circulation) | ((origin == own.office) & (debit == own.circulation))
    chosen |= took_effect
    kind = row.records["kind"]
    chosen &= (kind == Kind.TRANSFER) | (kind == Kind.REFUSAL)
    chosen[: max(0, after + 1 - row.first_position)] = False
    found: list[int] = np.flatnonzero(chosen).tolist()
    return found
