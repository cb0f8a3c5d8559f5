"""Makes the feed: for each bank, in order, what the journal says about it; nothing else is read.

A bank's entries are a chain of hashes, and each message is signed. The chain is built anew from the
journal whenever a bank follows it, from the last place that was marked (`feed_book`).
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from google.protobuf.message import DecodeError, Message

from central_bank.authentication.banks import AdmittedBank
from central_bank.authentication.central_keys import CentralKeys
from central_bank.context import Context
from central_bank.ledger.accounts import BankAccounts
from central_bank.limits import (
    MARK_ENTRIES,
    MARK_RECORDS,
    MAX_FEED_BYTES,
    MAX_FEED_ENTRIES,
)
from central_bank.registration.feed_book import LEDGER_BYTES, FeedBook, Link, Told
from central_bank.registration.settlement import check_incarnation, open_signed, outcome_of
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from officers.chain import ActsChain
from runtime.checks import exact_bytes, journal_position
from runtime.envelope import key_id, sign, verify_by_one
from runtime.errors import Refusal, as_reason
from runtime.hash_chain import HASH_BYTES, beginning, linked
from runtime.messages import read_payload
from settlement.journal import Entry
from settlement.records import Kind, Result

FeedPlace = registration_pb2.FeedPlace
_ROWS = 64
_REFUSED = int(Result.MALFORMED)
_REMEMBERED = 64
"""Ends of messages that are remembered for each bank: where it continues, and what it
acknowledges."""


class Feed:
    """The feeds of all banks. Any thread may ask."""

    def __init__(
        self, context: Context, book: FeedBook, keys: CentralKeys, acts: ActsChain
    ) -> None:
        self._journal = context.books.journal
        self._registry = context.registry
        self._book = book
        self._keys = keys
        self._acts = acts
        self._clock = context.clock
        self._standing = context.standing
        self._ledger = book.ledger()
        self._lock = threading.Lock()
        self._ends: dict[int, deque[Link]] = {}
        self._marked: dict[int, Link] = {}
        self._sessions: dict[int, bytes] = {}

    def start(
        self,
        bank: AdmittedBank,
        after: FeedPlace,
        *,
        incarnation: int = 0,
        ends_at: int | None = None,
        acts_end_at: int | None = None,
        session: bytes = b"",
        tip: SignedEnvelope | None = None,
    ) -> Link:
        """The link after which a bank continues.

        Args:
            bank: who asks.
            after: the place that its database has reached.
            incarnation: as the bank knows it.
            ends_at: where the bank's own journal ends; None to leave that out.
            acts_end_at: the number of the last act of its officers; None to leave that out.
            session: of the bank's process.
            tip: the newest that the bank has applied; looked at where this journal does not lead to
                `after`.

        Raises:
            Refusal: FEED_TIP_UNKNOWN, this journal does not lead to that place; FEED_STEPPED_BACK,
                the bank has acknowledged more than that before, or was put back and has not come
                back.
        """
        check_incarnation(bank, incarnation)
        number = journal_position(after.number, "after.number")
        if number or after.ledger or after.hash:
            exact_bytes(after.ledger, "after.ledger", LEDGER_BYTES)
            exact_bytes(after.hash, "after.hash", HASH_BYTES)
        try:
            link = self._known(bank, after) if number else self._beginning(bank)
        except Refusal:
            if tip is not None:
                self._heed(bank, tip)
            raise
        active = [one.name for one in self._registry.all() if not one.suspended]
        self._standing.hear(bank.name, active)
        acknowledged, ended = self._book.told(bank.index)
        if number < acknowledged:
            raise Refusal(
                errors_pb2.REASON_FEED_STEPPED_BACK,
                f"bank {bank.name} asks for what comes after entry {number} and has acknowledged"
                f" entry {acknowledged}: its database is an older copy",
                field="after",
                acknowledged=str(acknowledged),
            )
        if ends_at is not None and ends_at < ended:
            raise Refusal(
                errors_pb2.REASON_FEED_STEPPED_BACK,
                f"the journal of bank {bank.name} ends at position {ends_at}, and the"
                f" bank has told of position {ended}: its database is an older copy",
                field="journal_position",
                journal_position=str(ended),
            )
        acts = self._book.acts_told(bank.index)
        if acts_end_at is not None and acts_end_at < acts:
            raise Refusal(
                errors_pb2.REASON_FEED_STEPPED_BACK,
                f"the acts of officers of bank {bank.name} end with entry {acts_end_at}, and the"
                f" bank has told of entry {acts}: its database is an older copy",
                field="acts_number",
                acts_number=str(acts),
            )
        self._sessions[bank.index] = session
        return link

    def after(
        self, bank: AdmittedBank, link: Link, *, with_tip: bool = False
    ) -> tuple[registration_pb2.FollowFeedResponse | None, Link]:
        """The bank's next entries, signed, and the link after them; None if there are no entries
        yet.

        Args:
            bank: whose feed it is.
            link: where it continues.
            with_tip: sign the place even if there are no entries.
        """
        entries, link = self._read(bank, link, whole=True)
        self._note(bank, link)
        if not entries and not with_tip:
            return None, link
        acts = self._acts.place()
        tip = registration_pb2.FeedTip(
            bank=bank.name,
            place=FeedPlace(ledger=self._ledger, number=link.number, hash=link.hash),
            signed_time_ms=self._clock.now_ms(),
            announced_number=self._keys.number,
            acts=registration_pb2.ActsPlace(number=acts.number, hash=acts.hash),
        )
        key = self._keys.signing()
        name = key_id(bytes(key.verify_key))
        signed = sign(tip, key, name)
        return registration_pb2.FollowFeedResponse(entries=entries, tip=signed), link

    @property
    def announced_number(self) -> int:
        """Number of the last announcement to banks."""
        return self._keys.number

    def acknowledge(
        self, bank: AdmittedBank, envelope: SignedEnvelope, session: bytes = b""
    ) -> None:
        """Takes a bank's receipt for its feed; from there the bank cannot step back unnoticed.

        Args:
            session: of the process that sends it. One that was under way while the bank was started
                again may speak of a database that is not there any more.

        Raises:
            Refusal: the receipt is not good; FEED_STEPPED_BACK, it is another process that follows
                the feed, or none yet.
        """
        if self._sessions.get(bank.index, b"") != session:
            raise Refusal(
                errors_pb2.REASON_FEED_STEPPED_BACK,
                "it comes from another process of the bank than follows its feed",
                field="session",
            )
        kind = registration_pb2.FeedReceipt
        receipt = open_signed(kind, envelope, bank, self._clock.now_ms())
        place = receipt.place
        exact_bytes(place.ledger, "place.ledger", LEDGER_BYTES)
        exact_bytes(place.hash, "place.hash", HASH_BYTES)
        journal_position(place.number, "place.number")
        exact_bytes(receipt.acts.hash, "acts.hash", HASH_BYTES)
        journal_position(receipt.acts.number, "acts.number")
        signed = envelope.SerializeToString()
        if place.number >= self._book.acknowledged(bank.index):
            self._known(bank, place)
            told = Told(place.number, receipt.journal_position)
            self._book.acknowledge(bank.index, told, signed)
        self._book.keep_acts(
            bank.index, receipt.incarnation, receipt.acts.number, signed, self._clock.now_ms()
        )

    def known(self, bank: AdmittedBank, place: FeedPlace) -> Link:
        """The link of a place in a bank's chain. Raises Refusal: FEED_TIP_UNKNOWN, if this journal
        does not lead there.
        """
        return self._known(bank, place)

    def at(self, bank: AdmittedBank, number: int) -> Link | None:
        """The link of that number; None when the journal has not so many entries for the bank."""
        return self._at(bank, number)

    def read(self, bank: AdmittedBank, link: Link) -> tuple[list[bytes], Link]:
        """Some entries after a link, and the link after them."""
        return self._read(bank, link)

    def _heed(self, bank: AdmittedBank, envelope: SignedEnvelope) -> None:
        """Notes that this database is an older copy, if a tip proves it."""
        keys = [known.key for known in self._keys.all() if not known.revoked]
        try:
            tip = read_payload(
                registration_pb2.FeedTip,
                verify_by_one(registration_pb2.FeedTip, envelope, keys),
            )
        except Refusal:
            return  # a bank's word alone stops nobody else
        if (tip.bank, tip.place.ledger) != (bank.name, self._ledger):
            return
        if tip.signed_time_ms <= self._book.put_back_ms(bank.index):
            return  # two officers have decided since where this bank's feed continues
        try:
            self._known(bank, tip.place)
        except Refusal:
            self._standing.fall_behind(
                f"bank {bank.name} has entry {tip.place.number} as it was signed here, to which"
                " this journal does not lead"
            )

    def _known(self, bank: AdmittedBank, place: FeedPlace) -> Link:
        """See `known`."""
        link = self._at(bank, place.number) if place.ledger == self._ledger else None
        if link is None or link.hash != place.hash:
            raise Refusal(
                errors_pb2.REASON_FEED_TIP_UNKNOWN,
                f"this journal does not lead to entry {place.number} as bank {bank.name} has it:"
                " it is another ledger, or one of the two is an older copy",
                field="after",
            )
        return link

    def _at(self, bank: AdmittedBank, number: int) -> Link | None:
        """The link of that number; None when the journal has not so many entries for the bank."""
        for known in tuple(self._ends.get(bank.index, ())):
            if known.number == number:
                return known
        link = self._book.mark(bank.index, number) or self._beginning(bank)
        while link.number < number:
            before = link.position
            _, link = self._read(bank, link, most=number - link.number)
            if link.position == before:
                return None
            self._note(bank, link)
        return link

    def _beginning(self, bank: AdmittedBank) -> Link:
        return Link(0, beginning("feed/v1", self._ledger, bank.name.encode()), 0)

    def _read(
        self,
        bank: AdmittedBank,
        link: Link,
        most: int = MAX_FEED_ENTRIES,
        *,
        whole: bool = False,
    ) -> tuple[list[bytes], Link]:
        """Up to `most` entries after a link, and the link after them and all that was read.

        Args:
            bank: whose feed it is.
            link: where it continues.
            most: how many entries at most.
            whole: what was decided together is not told in two parts, if there is room for it.
        """
        entries: list[bytes] = []
        names = {known.accounts.circulation: known.name for known in self._registry.all()}
        own = bank.accounts
        most = min(most, MAX_FEED_ENTRIES)
        number, digest, position = link
        entry, size = registration_pb2.FeedEntry(), 0
        told, end = 0, link  # where the last record that stands alone, or first in a chain, begins
        for row in self._journal.read(position, limit_rows=_ROWS):
            mine = _mine(row, own, position)
            columns = [row.records[name][mine].tolist() for name in _COLUMNS]
            results = row.results[mine].tolist()
            for index, result, *values in zip(mine, results, *columns, strict=True):
                one = _Mine._make(values)
                if one.sequence or not whole:
                    told, end = len(entries), Link(number, digest, position)
                if len(entries) == most or size > MAX_FEED_BYTES:
                    if not told:
                        return entries, Link(number, digest, position)
                    return entries[:told], end
                number += 1
                position = row.first_position + index
                entry.Clear()
                entry.number, entry.position = number, position
                _tell(entry, one, result, row.note(index), own, names)
                data = entry.SerializeToString()
                digest = linked(digest, data)
                size += len(data)
                entries.append(data)
            position = row.last_position
        return entries, Link(number, digest, position)

    def _note(self, bank: AdmittedBank, link: Link) -> None:
        """Remembers a link, and marks it if the last mark is far behind."""
        with self._lock:
            ends = self._ends.setdefault(bank.index, deque(maxlen=_REMEMBERED))
            if ends and ends[-1].number == link.number:
                ends.pop()  # the same entry, with more of the journal read
            ends.append(link)
            marked = self._marked.get(bank.index)
            if marked is None:
                marked = self._book.mark(bank.index, link.number) or self._beginning(bank)
                self._marked[bank.index] = marked
            if (
                link.number - marked.number >= MARK_ENTRIES
                or link.position - marked.position >= MARK_RECORDS
            ):
                self._book.put_mark(bank.index, link)
                self._marked[bank.index] = link


class _Mine(NamedTuple):
    """The fields of a record that the feed needs."""

    origin: int
    debit: int
    credit: int
    kind: int
    purpose: int
    ref: int
    sequence: int
    amount_fen: int
    time_ms: int


_COLUMNS = _Mine._fields


def _tell(
    entry: registration_pb2.FeedEntry,
    record: _Mine,
    result: int,
    note: bytes,
    own: BankAccounts,
    names: dict[int, str],
) -> None:
    """Fills in an entry from a record of `_mine`."""
    entry.time_ms = record.time_ms
    if record.origin == own.circulation:
        _outgoing(entry, record, result, note)
    elif record.origin == own.deposits:
        _put(entry.tokens_deposited, note)
    elif record.origin == own.restored:
        _put(entry.tokens_restored, note)
    elif record.origin != own.office:
        entry.incoming.from_bank = names.get(record.debit, "")
        entry.incoming.payment = note
    elif result >= _REFUSED:
        entry.redemption_rejected.number = record.sequence
        entry.redemption_rejected.amount_fen = record.amount_fen
    elif record.credit == own.circulation:
        _put(entry.issued, note)
    else:
        _put(entry.redeemed, note)
        entry.redeemed.number = record.sequence


def _outgoing(entry: registration_pb2.FeedEntry, record: _Mine, result: int, note: bytes) -> None:
    a_load = record.purpose == purposes_pb2.PURPOSE_TOKEN_LOAD
    if result >= _REFUSED:
        ended = entry.outgoing_ended
        ended.number = record.sequence
        why = record.ref if record.kind == Kind.REFUSAL else 0
        state, reason = outcome_of(result, why)
        ended.reason = as_reason(reason)
        ended.state = state  # type: ignore[assignment]
        if a_load:
            _put(ended.load, note)
        else:
            ended.payment = note
    elif a_load:
        _put(entry.tokens_registered, note)
    else:
        entry.outgoing_settled.number = record.sequence
        entry.outgoing_settled.payment = note


def _put(message: Message, note: bytes) -> None:
    """Fills in a message from a note. If the note cannot be read the message stays empty, and the
    bank will not apply it.
    """
    message.SetInParent()
    with suppress(DecodeError):
        message.MergeFromString(note)


def _mine(row: Entry, own: BankAccounts, after: int) -> list[int]:
    """Indices of the records that a bank is told of."""
    origin, debit, credit = (row.records[name] for name in ("origin", "debit", "credit"))
    took_effect = (credit == own.circulation) | (origin == own.deposits)
    took_effect &= row.results < _REFUSED
    # It is told in any case what became of its own payments and redemptions.
    chosen = (origin == own.circulation) | ((origin == own.office) & (debit == own.circulation))
    chosen |= took_effect
    kind = row.records["kind"]
    chosen &= (kind == Kind.TRANSFER) | (kind == Kind.REFUSAL)
    chosen[: max(0, after + 1 - row.first_position)] = False
    found: list[int] = np.flatnonzero(chosen).tolist()
    return found
