"""Reads requests to pay: what was asked, what has been paid on it, and what state that makes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, Table, func, select

from currency.amount import format_yuan
from dcep.bank.v1 import asking_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.asking.tables import asked, asked_payments
from operator_bank.feed.tables import returned_payments
from operator_bank.payments.tables import STANDS, outbound
from runtime.chunks import chunks
from runtime.errors import Refusal

Query = TypeVar("Query", bound=Select[Any])

OPEN = asking_pb2.ASKED_STATE_OPEN
PAID = asking_pb2.ASKED_STATE_PAID
DECLINED = asking_pb2.ASKED_STATE_DECLINED
WITHDRAWING = asking_pb2.ASKED_STATE_WITHDRAWING
WITHDRAWN = asking_pb2.ASKED_STATE_WITHDRAWN
EXPIRED = asking_pb2.ASKED_STATE_EXPIRED
FIELD = "request_to_pay_id"


def id_of(request: orders_pb2.RequestToPay) -> str:
    """The id of a request to pay."""
    return f"{request.wallet_number}-{request.nonce.hex()}"


def find(connection: Connection, request: str, *, locked: bool = False) -> Row[Any] | None:
    """The row of a request to pay.

    Args:
        connection: to read with.
        request: its id.
        locked: nobody else changes it until the transaction ends.
    """
    query = select(asked).where(asked.c.id == request)
    return connection.execute(query.with_for_update() if locked else query).first()


def paid_fen(connection: Connection, requests: Sequence[str]) -> dict[str, int]:
    """How many fen were paid on requests to pay, with what is on its way.

    Args:
        connection: to read with.
        requests: their ids.

    Returns:
        By id; requests on which nothing was paid are missing.
    """
    of, total = asked_payments.c, func.sum(asked_payments.c.amount_fen)
    query = standing(select(of.request, total), asked_payments)
    found: dict[str, int] = {}
    for chunk in chunks(requests):
        these = query.where(of.request.in_(chunk)).group_by(of.request)
        found.update((request, int(fen)) for request, fen in connection.execute(these))
    return found


def standing(query: Query, payments: Table) -> Query:
    """A query about payments, of those alone that were paid or are on their way: not of what was
    refused elsewhere, nor of what came back, which is the payer's again.

    Args:
        query: whose columns are of `payments`.
        payments: a table with the position of each.
    """
    position = payments.c.position
    joined = payments.outerjoin(outbound, outbound.c.number == position).outerjoin(
        returned_payments, returned_payments.c.number == position
    )
    return query.select_from(joined).where(STANDS, returned_payments.c.number.is_(None))


def state_of(row: Row[Any], paid: int, now_ms: int) -> int:
    """The AskedState of a request.

    Args:
        row: of `asked`.
        paid: fen, as `paid_fen` has them.
        now_ms: Unix milliseconds.
    """
    if paid >= row.amount_fen:
        return int(PAID)
    if row.state == OPEN and row.due_time_ms < now_ms:
        return int(EXPIRED)
    return int(row.state)


def shown(row: Row[Any], paid: int, now_ms: int) -> asking_pb2.Asked:
    """A request as its two wallets are shown it; arguments as those of `state_of`."""
    return asking_pb2.Asked(
        request=request_envelope(row),
        state=state_of(row, paid, now_ms),  # type: ignore[arg-type]
        paid_fen=paid,
        reminders=row.reminders,
    )


def request_envelope(row: Row[Any]) -> SignedEnvelope:
    """A request as its asker signed it."""
    return SignedEnvelope(
        payload=row.payload, signature=row.signature, key_id=row.asker.encode("ascii")
    )


def digest_of(row: Row[Any]) -> bytes:
    """SHA-256 of what a request's asker signed."""
    return hashlib.sha256(bytes(row.payload)).digest()


def unknown() -> Refusal:
    """The refusal for a request that is not there, or is between others."""
    return Refusal(
        errors_pb2.REASON_REQUEST_TO_PAY_UNKNOWN,
        "this wallet has made no such request and is shown none",
        field=FIELD,
    )


def over(state: int) -> Refusal:
    """The refusal for a request in an AskedState that is an end."""
    word = asking_pb2.AskedState.Name(state).removeprefix("ASKED_STATE_")
    return Refusal(
        errors_pb2.REASON_REQUEST_TO_PAY_OVER,
        f"the request is {word.lower()}",
        field=FIELD,
        state=word,
    )


def not_asked(row: Row[Any], paid: int) -> Refusal:
    """The refusal for an amount that a request is not for."""
    left_fen = max(0, row.amount_fen - paid)
    how = "are left of it" if row.partial else "are asked for, all at once"
    return Refusal(
        errors_pb2.REASON_AMOUNT_NOT_ASKED,
        f"{format_yuan(left_fen)} yuan {how}",
        field="amount_fen",
        left_fen=str(left_fen),
    )


def too_many(message: str, field: str, **more: str) -> Refusal:
    """The refusal for more requests, or reminders, than one wallet may have."""
    return Refusal(errors_pb2.REASON_TOO_MANY_REQUESTS, message, field=field, **more)
