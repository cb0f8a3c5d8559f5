"""What a payment becomes: its record here, and what is sent for it to the central bank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from currency.number import NumberError, check, prefix_of
from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.ledger import accounts
from operator_bank.payments.tables import outbound
from operator_bank.wallets.known import id_of
from operator_bank.wallets.orders import VerifiedOrder, hold_for
from runtime.checks import invalid
from runtime.database import execute_many
from settlement.builders import Row, transfer
from settlement.core import Answers
from settlement.records import Kind, RecordFlag, Records, Result

PENDING = states_pb2.PAYMENT_STATE_PENDING
SETTLED = states_pb2.PAYMENT_STATE_SETTLED
_PUT = (
    f"INSERT INTO {outbound.name}"
    " (number, account, sequence, kind, destination, state, reason, hold, amount_fen, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PAYMENT = purposes_pb2.PURPOSE_PAYMENT
_NO_LIMIT = int(RecordFlag.NO_LIMIT)


class Paid(NamedTuple):
    """What became of a payment order."""

    payment_id: str
    state: int
    repeated: bool = False
    reason: int = 0
    number: int = 0
    """Number of the outbound payment, if it went to another bank."""


class Going(NamedTuple):
    """What is sent to the central bank for a hold.

    Attributes:
        destination: prefix of the bank that is paid; "" for a load.
        body: the payment without its number; for a load the device's certificate.
    """

    destination: str
    body: bytes


def payment_row(
    order: VerifiedOrder[orders_pb2.PaymentOrder],
    payee: int,
    own_prefix: str,
    now_ms: int,
    *,
    kin: bool,
) -> Row:
    """The record that a payment order becomes.

    Args:
        order: what was ordered.
        payee: the payee's account here; NOBODY if there is none.
        own_prefix: of the numbers of this bank's wallets.
        now_ms: Unix milliseconds.
        kin: the payee is a sub-wallet of the payer, or the other way round: what one of them pays
            the other is spent by none of them, and is counted when it goes elsewhere.

    Raises:
        Refusal: FIELD_INVALID, the payee's number is none.
    """
    content, payer = order.content, order.wallet.account
    if payee == accounts.NOBODY and not _is_own(content.payee_number, own_prefix):
        return hold_for(order, _PAYMENT, now_ms)
    return transfer(
        origin=payer,
        sequence=content.sequence,
        debit=payer,
        # The rule refuses NOBODY, but only after everything that it refuses about the payer.
        credit=payee,
        amount_fen=content.amount_fen,
        purpose=_PAYMENT,
        time_ms=now_ms,
        expires_ms=content.expires_time_ms,
        flags=_NO_LIMIT if kin else 0,
        digest=order.digest,
    )


def put_outbound(
    connection: Connection,
    records: Records,
    going: Mapping[int, Going],
    answers: Answers,
    kind: str,
) -> None:
    """Writes what has to be sent to the central bank, in the transaction of its holds.

    Args:
        connection: of that transaction.
        records: the batch.
        going: what is sent for each hold, by the index of its record.
        answers: the rule's answers to the batch.
        kind: "pay", "refund", "load" or "return".
    """
    held = _newly_held(records, answers)
    columns = [answers.positions[held], records["debit"][held], records["sequence"][held]]
    columns += [answers.details[held], records["amount_fen"][held]]
    rows = [
        (number, account, sequence, kind, going[i][0], PENDING, 0, hold, amount_fen, going[i][1])
        for i, number, account, sequence, hold, amount_fen in zip(
            held, *(column.tolist() for column in columns), strict=True
        )
    ]
    if rows:
        execute_many(connection, _PUT, rows)


def _newly_held(records: Records, answers: Answers) -> list[int]:
    held = (records["kind"] == Kind.HOLD) & (answers.results == Result.ACCEPTED)
    found: list[int] = np.flatnonzero(held & ~answers.repeated).tolist()
    return found


def outbound_body(content: orders_pb2.PaymentOrder) -> bytes:
    """The payment that is sent to the central bank for a payer's order, without its number."""
    payment = registration_pb2.OutboundPayment(
        payment_id=id_of(content.wallet_number, content.sequence),
        payer_number=content.wallet_number,
        payee_number=content.payee_number,
        amount_fen=content.amount_fen,
        created_time_ms=content.created_time_ms,
        expires_time_ms=content.expires_time_ms,
        memo=content.memo,
        request_to_pay_id=content.request_to_pay_id,
    )
    return bytes(payment.SerializeToString())


def _is_own(number: str, own_prefix: str) -> bool:
    """Whether a number belongs to this bank, as its prefix says. Raises Refusal: FIELD_INVALID."""
    try:
        return prefix_of(check(number)) == own_prefix
    except NumberError as error:
        raise invalid("payee_number", f"is no wallet number: {error}") from None
