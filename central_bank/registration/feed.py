"""The feed: for each bank, in order, what the journal says about it; read from there alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from central_bank import accounts
from central_bank.authentication.registry import Bank, Registry
from central_bank.limits import MAX_FEED_ENTRIES
from central_bank.registration.settle import outcome_of
from dcep.registration.v1 import registration_pb2
from settlement.journal import Entry, Journal
from settlement.records import Kind, Result

_ROWS = 64


class Feed:
    """Reads a bank's entries after a position."""

    def __init__(self, journal: Journal, registry: Registry) -> None:
        self._journal = journal
        self._registry = registry

    def after(self, bank: Bank, position: int) -> tuple[list[registration_pb2.FeedEntry], int]:
        """The bank's next entries, and the position up to which the journal has been read."""
        entries: list[registration_pb2.FeedEntry] = []
        names = {found.index: found.name for found in self._registry.all()}
        own = _own(bank)
        for row in self._journal.read(position, limit_rows=_ROWS):
            mine = _mine(row, own, position)
            columns = [row.records[name][mine].tolist() for name in _COLUMNS]
            results = row.results[mine].tolist()
            for index, result, *values in zip(mine, results, *columns, strict=True):
                if len(entries) == MAX_FEED_ENTRIES:
                    return entries, entries[-1].position
                place = row.first_position + index
                entry = _entry(place, _Mine(*values), result, row.note(index), own, names)
                if entry is not None:
                    entries.append(entry)
            position = row.last_position
        return entries, position


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


def _entry(
    position: int, record: _Mine, result: int, note: bytes, own: _Own, names: dict[int, str]
) -> registration_pb2.FeedEntry | None:
    entry = registration_pb2.FeedEntry(position=position, time_ms=record.time_ms)
    accepted = result < Result.MALFORMED
    circulation, office = own.circulation, own.office
    if record.origin == circulation:
        _outgoing(entry, record, result, note)
    elif record.origin == office and record.debit == circulation and not accepted:
        entry.redemption_rejected.number = record.sequence
        entry.redemption_rejected.amount_fen = record.amount_fen
    elif not accepted:
        return None
    elif record.origin == own.deposits:
        entry.tokens_deposited.ParseFromString(note)
    elif record.origin == own.restored:
        entry.tokens_restored.ParseFromString(note)
    elif record.origin == office:
        if record.credit == circulation:
            entry.issued.ParseFromString(note)
        elif record.debit == circulation:
            entry.redeemed.ParseFromString(note)
        else:
            return None
    elif record.credit == circulation:
        payer = accounts.bank_of(record.debit)
        entry.incoming.from_bank = "" if payer is None else names.get(payer, "")
        entry.incoming.payment.ParseFromString(note)
    else:
        return None
    return entry


def _outgoing(entry: registration_pb2.FeedEntry, record: _Mine, result: int, note: bytes) -> None:
    if result >= Result.MALFORMED:
        state, reason = outcome_of(result, record.spare)
        entry.outgoing_ended.number = record.sequence
        entry.outgoing_ended.state = state  # type: ignore[assignment]
        entry.outgoing_ended.reason = reason
    elif record.credit == accounts.OFFLINE_FLOAT:
        entry.tokens_registered.ParseFromString(note)
    else:
        entry.outgoing_settled.number = record.sequence


def _mine(row: Entry, own: _Own, after: int) -> list[int]:
    """Indices of the records that may concern a bank."""
    records = row.records
    chosen = (records["credit"] == own.circulation) | np.isin(records["origin"], own[:3])
    chosen &= (records["kind"] == Kind.TRANSFER) | (records["kind"] == Kind.REFUSAL)
    chosen[: max(0, after + 1 - row.first_position)] = False
    found: list[int] = np.flatnonzero(chosen).tolist()
    return found
