"""Defines an entry of the feed as a handler sees it, and builds the records that entries become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dcep.registration.v1 import registration_pb2
from operator_bank.feed.chain import FeedBroken
from operator_bank.ledger import accounts
from operator_bank.limits import MAX_SEQUENCE
from runtime.errors import Refusal
from runtime.messages import read_payload
from settlement.builders import Row, capture, delivery, refusal, release, transfer
from settlement.core import Answers
from settlement.limits import MAX_AMOUNT_FEN
from settlement.records import Kind, RecordFlag, Result

FeedEntry = registration_pb2.FeedEntry
OutboundPayment = registration_pb2.OutboundPayment

_REFUSED, _NO_MOVE = int(Result.MALFORMED), int(Kind.REFUSAL)
_MIRROR, _NO_LIMIT = accounts.MIRROR, int(RecordFlag.NO_LIMIT)


class ParsedEntry(NamedTuple):
    """A parsed entry of the feed.

    Attributes:
        entry: as the central bank wrote it.
        data: its bytes, which the chain is over.
        time_ms: when it came.
        event: the name of its event; None for one that this bank does not know.
        number: of what it is about, among what this bank has sent or deposited; 0 for nothing.
        payment: that it brings to a wallet here.
    """

    entry: FeedEntry
    data: bytes
    time_ms: int
    event: str | None
    number: int = 0
    payment: OutboundPayment | None = None

    @property
    def returned(self) -> OutboundPayment | None:
        """The payment that it brings, if that is the return of an earlier one."""
        return self.payment if self.payment and self.payment.returns_payment_id else None

    @property
    def gives_back(self) -> bool:
        """Whether the payment that it brings is the return or the refund of an earlier one."""
        refund = self.payment is not None and bool(self.payment.refunds_payment_id)
        return refund or self.returned is not None


class Move(NamedTuple):
    """What an entry becomes in the ledger: a record, and the note that is kept with it."""

    row: Row
    note: bytes


class Sent(NamedTuple):
    """A row of `outbound`: a payment or a load that this bank has sent."""

    number: int
    account: int
    amount_fen: int
    hold: int
    kind: str
    state: int
    body: bytes


def transferred(one: ParsedEntry, debit: int, credit: int, amount_fen: int, purpose: int) -> Move:
    """Moves money between two of the bank's own accounts."""
    row = transfer(
        origin=_MIRROR,
        sequence=one.entry.position,
        debit=debit,
        credit=credit,
        amount_fen=_amount(amount_fen),
        purpose=purpose,
        time_ms=one.time_ms,
        flags=_NO_LIMIT,
    )
    return Move(row, one.data)


def delivered(one: ParsedEntry, account: int, amount_fen: int, purpose: int) -> Move:
    """Delivers money from the central bank to an account, or to suspense if that cannot take it."""
    row = delivery(
        origin=_MIRROR,
        sequence=one.entry.position,
        debit=_MIRROR,
        credit=account,
        fallback=accounts.SUSPENSE,
        amount_fen=_amount(amount_fen),
        purpose=purpose,
        time_ms=one.time_ms,
        flags=_NO_LIMIT,
    )
    return Move(row, one.data)


def captured(one: ParsedEntry, sent: Sent, purpose: int) -> Move:
    """Captures what was held for something that this bank sent: it goes to the central bank."""
    row = capture(
        origin=_MIRROR,
        sequence=one.entry.position,
        debit=sent.account,
        credit=_MIRROR,
        amount_fen=sent.amount_fen,
        reference=sent.hold,
        purpose=purpose,
        time_ms=one.time_ms,
        flags=_NO_LIMIT,
    )
    return Move(row, one.data)


def released(one: ParsedEntry, sent: Sent, purpose: int) -> Move:
    """Releases what was held for something that this bank sent: it is its payer's again."""
    row = release(
        origin=_MIRROR,
        sequence=one.entry.position,
        debit=sent.account,
        amount_fen=sent.amount_fen,
        reference=sent.hold,
        purpose=purpose,
        time_ms=one.time_ms,
        flags=_NO_LIMIT,
    )
    return Move(row, one.data)


def unmoved(one: ParsedEntry, debit: int, credit: int) -> Move:
    """Moves nothing; the record only takes the entry's place in the feed."""
    row = refusal(
        origin=_MIRROR,
        sequence=one.entry.position,
        debit=debit,
        credit=credit,
        time_ms=one.time_ms,
        flags=_NO_LIMIT,
    )
    return Move(row, one.data)


def at_places(answers: Answers, places: Sequence[int]) -> Answers:
    """The answers to some of the records of a batch: those of entries, without what makes room."""
    return Answers(
        answers.results[places],
        answers.details[places],
        answers.repeated[places],
        answers.positions[places],
    )


def not_moved(answers: Answers, moves: Sequence[Move]) -> list[int]:
    """Indices of entries that should have moved money and did not."""
    refused: list[int] = np.flatnonzero(answers.results >= _REFUSED).tolist()
    return [index for index in refused if moves[index].row.kind != _NO_MOVE]


def fits(number: int) -> bool:
    """Whether a number may be one of this bank's; the database is asked about no other."""
    return 0 < number <= MAX_SEQUENCE


def payment_of(data: bytes, number: int) -> OutboundPayment:
    """Parses the payment that an entry tells under a number. Raises FeedBroken."""
    try:
        payment = read_payload(OutboundPayment, data)
    except Refusal:
        raise FeedBroken(f"speaks of outbound {number} in words that cannot be read") from None
    if payment.number != number:
        raise FeedBroken(f"speaks of outbound {number} as of {payment.number}")
    return payment


def numbered(number: int, body: bytes) -> bytes:
    """Encodes an OutboundPayment as it is sent: its number, which is the first field, then
    `body`.
    """
    head = bytearray(b"\x08")
    while number > 0x7F:
        head.append(number & 0x7F | 0x80)
        number >>= 7
    head.append(number)
    return bytes(head) + body


def _amount(fen: int) -> int:
    if not 0 < fen <= MAX_AMOUNT_FEN:
        raise FeedBroken(f"moves {fen} fen")
    return fen
