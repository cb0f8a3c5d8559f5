"""The feed: for each bank, in order, what the journal says about it; read from there alone."""

from __future__ import annotations

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
        for row in self._journal.read(position, limit_rows=_ROWS):
            for index in _mine(row, bank, position):
                if len(entries) == MAX_FEED_ENTRIES:
                    return entries, entries[-1].position
                entry = self._entry(row, index, bank)
                if entry is not None:
                    entries.append(entry)
            position = row.last_position
        return entries, position

    def _entry(self, row: Entry, index: int, bank: Bank) -> registration_pb2.FeedEntry | None:
        record = row.records[index]
        origin, debit, credit = (int(record[name]) for name in ("origin", "debit", "credit"))
        result = Result(int(row.results[index]))
        entry = registration_pb2.FeedEntry(
            position=row.first_position + index, time_ms=int(record["time_ms"])
        )
        note = row.note(index)
        circulation = accounts.circulation(bank.index)
        if origin == circulation:
            _outgoing(entry, record, result, note)
        elif origin == accounts.office(bank.index) and debit == circulation and not result.accepted:
            entry.redemption_rejected.number = int(record["sequence"])
            entry.redemption_rejected.amount_fen = int(record["amount_fen"])
        elif not result.accepted:
            return None
        elif origin == accounts.deposits(bank.index):
            entry.tokens_deposited.ParseFromString(note)
        elif origin == accounts.office(bank.index):
            if credit == circulation:
                entry.issued.ParseFromString(note)
            elif debit == circulation:
                entry.redeemed.ParseFromString(note)
            else:
                return None
        elif credit == circulation:
            payer = accounts.bank_of(debit)
            entry.incoming.from_bank = next(
                (b.name for b in self._registry.all() if b.index == payer), ""
            )
            entry.incoming.payment.ParseFromString(note)
        else:
            return None
        return entry


def _outgoing(
    entry: registration_pb2.FeedEntry, record: np.void, result: Result, note: bytes
) -> None:
    if result.accepted and int(record["credit"]) == accounts.OFFLINE_FLOAT:
        entry.tokens_registered.ParseFromString(note)
    elif result.accepted:
        entry.outgoing_settled.ParseFromString(note)
    else:
        state, reason = outcome_of(result, int(record["spare"]))
        entry.outgoing_ended.number = int(record["sequence"])
        entry.outgoing_ended.state = state  # type: ignore[assignment]
        entry.outgoing_ended.reason = reason


def _mine(row: Entry, bank: Bank, after: int) -> list[int]:
    """Indices of the records that may concern a bank."""
    records = row.records
    circulation = accounts.circulation(bank.index)
    own = (records["origin"] == circulation) | (records["credit"] == circulation)
    own |= (records["origin"] == accounts.deposits(bank.index)) | (
        records["origin"] == accounts.office(bank.index)
    )
    own &= (records["kind"] == Kind.TRANSFER) | (records["kind"] == Kind.REFUSAL)
    start = max(0, after + 1 - row.first_position)
    return [int(i) for i in np.flatnonzero(own) if i >= start]
