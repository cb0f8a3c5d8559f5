"""Compares a journal's records with the orders that wallets signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message

from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1.purposes_pb2 import Purpose
from language import _
from settlement.journal import Entry
from settlement.records import RecordFlag, Result, record_digest

T = TypeVar("T", bound=Message)
BEFORE_ORDER_MS = 600_000
"""So long before its order a record may be at most: banks take orders that are dated a minute
ahead, and a clock may be set back just then."""


class Line(NamedTuple):
    """A record of a journal, with its position, answer, note and signature."""

    position: int
    origin: int
    debit: int
    credit: int
    kind: int
    flags: int
    purpose: int
    sequence: int
    amount_fen: int
    time_ms: int
    expires_ms: int
    ref: int
    digest: int
    result: int
    detail: int
    note: bytes
    signature: bytes

    @property
    def accepted(self) -> bool:
        """Whether the record took effect."""
        return self.result < Result.MALFORMED


_COLUMNS = Line._fields[1:13]


def lines(entry: Entry) -> Iterator[Line]:
    """The records of a journal row, in order."""
    count = len(entry.records)
    columns = [entry.records[name].tolist() for name in _COLUMNS]
    nothing = [b""] * count
    return map(
        Line,
        range(entry.first_position, entry.first_position + count),
        *columns,
        entry.results.tolist(),
        entry.details.tolist(),
        entry.notes if entry.notes is not None else nothing,
        entry.signatures if entry.signatures is not None else nothing,
    )


class Wrong(Exception):
    """Something signed is missing, or says something else than it must; the message says what."""


def read(kind: type[T], payload: bytes) -> T:
    """Parses a signed payload; raises Wrong when it cannot be read."""
    message: T = kind()
    try:
        message.ParseFromString(payload)
    except DecodeError:
        raise Wrong(_("what was signed cannot be read")) from None
    return message


def ordered(line: Line, kind: type[T], number: str) -> T:
    """The order behind a wallet's record; compares the fields that orders have in common.

    Args:
        line: the record, with the order as its note.
        kind: of order.
        number: the wallet's.

    Raises:
        Wrong: there is none, or it says something else than the record.
    """
    if not line.signature:
        raise Wrong(_("nobody signed for it"))
    payload: T = read(kind, line.note)
    order: Any = payload
    _same("wallet", order.wallet_number, number)
    _same("digest", record_digest(line.note), line.digest)
    _same("sequence", order.sequence, line.sequence)
    if kind is not orders_pb2.CloseOrder:
        _same("amount", order.amount_fen, line.amount_fen)
        _same("expiry", order.expires_time_ms, line.expires_ms)
    if line.accepted and order.created_time_ms > line.time_ms + BEFORE_ORDER_MS:
        # The time of a record is the bank's own word, and decides by which limits it is judged.
        raise Wrong(_("the record is older than its order"))
    return payload


def purposed(line: Line, purpose: int) -> None:
    """Raises Wrong unless a record has this purpose."""
    if line.purpose != purpose:
        raise Wrong(
            _("it was for {purpose}, the record says {recorded}").format(
                purpose=_named(purpose), recorded=_named(line.purpose)
            )
        )


def _named(purpose: int) -> str:
    known = Purpose.DESCRIPTOR.values_by_number.get(purpose)
    return str(purpose) if known is None else str(known.name)


REFUSED_BEFORE = (
    orders_pb2.PaymentOrder,
    orders_pb2.RefundOrder,
    orders_pb2.CertifyDeviceOrder,
    orders_pb2.LoadOrder,
    orders_pb2.DepositOrder,
    orders_pb2.CloseOrder,
    orders_pb2.SweepOrder,
)
"""The kinds of order that may be refused before the rule is asked."""


def refused(line: Line, number: str) -> list[type[Message]]:
    """The kinds of order that a wallet's REFUSAL may be for; what was signed fits each of them.

    Args:
        line: the refusal, with the order as its note.
        number: the wallet's.

    Raises:
        Wrong: there is no such order.
    """
    if not line.signature:
        raise Wrong(_("nobody signed for it"))
    _same("digest", record_digest(line.note), line.digest)
    kinds: list[type[Message]] = []
    for kind in REFUSED_BEFORE:
        try:
            order: Any = read(kind, line.note)
        except Wrong:
            continue
        if (order.wallet_number, order.sequence) == (number, line.sequence):
            kinds.append(kind)
    if not kinds:
        raise Wrong(_("no order of this wallet with this sequence is beside it"))
    return kinds


def limited(line: Line) -> None:
    """Raises Wrong when a record was exempt from its payer's limits."""
    if line.flags & RecordFlag.NO_LIMIT:
        raise Wrong(_("it was not counted against the wallet's limits"))


def _same(what: str, said: object, recorded: object) -> None:
    if said != recorded:
        raise Wrong(
            _("its order's {what} is {said}, the record has {recorded}").format(
                what=what, said=said, recorded=recorded
            )
        )


same = _same
