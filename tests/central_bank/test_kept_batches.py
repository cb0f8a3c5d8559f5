"""What a bank signed is kept once, with the first that it moved, and is made again from there."""

from __future__ import annotations

from typing import Any

import pytest
from nacl.signing import VerifyKey
from sqlalchemy import select

from central_bank.registration.tables import bank_batches
from dcep.registration.v1 import registration_pb2
from runtime.envelope import sign_payload, signed_bytes
from runtime.kept_payload import KeptPayload, put_together
from settlement.journal import Tip
from tests.central_bank.admitting import KEYS
from tests.central_bank.system import System

FIELD = registration_pb2.OutboundBatch.PAYMENTS_FIELD_NUMBER


@pytest.fixture
def funded(system: System) -> System:
    system.issue(system.alpha, 1_000)
    return system


def rows(system: System) -> list[Any]:
    with system.engine.connect() as connection:
        return list(connection.execute(select(bank_batches).order_by(bank_batches.c.position)))


def payload_of(system: System, row: Any) -> bytes:
    """What was signed, from the row and the journal."""
    notes = {
        entry.first_position + index: entry.note(index)
        for entry, _ in system.central.books.journal.rows(Tip())
        for index in range(len(entry.records))
    }
    kept = KeptPayload(bytes(row.head), None if row.others is None else bytes(row.others))
    own = [notes[row.position + n] for n in range(row.count)] if row.others is not None else []
    return put_together(kept, FIELD, own)


def check(system: System, row: Any, *numbers: int) -> None:
    """The row's payload is signed by alpha and has these payments."""
    payload = payload_of(system, row)
    message = signed_bytes(registration_pb2.OutboundBatch, payload)
    VerifyKey(bytes(KEYS["alpha"].verify_key)).verify(message, bytes(row.signature))
    batch = registration_pb2.OutboundBatch.FromString(payload)
    assert [payment.number for payment in batch.payments] == list(numbers)


def test_a_batch_of_payments_is_made_again_from_their_records(funded: System) -> None:
    first, second = (funded.payment(funded.alpha, funded.beta, fen) for fen in (1, 2))
    funded.submit(funded.alpha, first, second)
    [row] = rows(funded)
    check(funded, row, 1, 2)
    assert (row.count, bytes(row.others)) == (2, b"")


def test_a_batch_that_moves_nothing_new_is_not_kept(funded: System) -> None:
    payment = funded.payment(funded.alpha, funded.beta, 1)
    for _ in range(3):
        funded.submit(funded.alpha, payment)
    assert len(rows(funded)) == 1
    payment.amount_fen = 2  # refused: the number is another payment's
    funded.submit(funded.alpha, payment)
    assert len(rows(funded)) == 1


def test_of_what_was_settled_before_or_waits_the_bytes_are_kept(funded: System) -> None:
    first, second, third = (funded.payment(funded.alpha, funded.beta, fen) for fen in (1, 2, 3))
    funded.submit(funded.alpha, first)
    unknown = funded.payment(funded.alpha, funded.beta, 4, payee_number=first.payer_number)
    funded.submit(funded.alpha, unknown, second, first, third)
    row = rows(funded)[1]
    check(funded, row, 4, 2, 1, 3)
    assert row.count == 3, "a refusal stands in the journal as well"


def test_what_a_bank_of_another_make_signed_is_kept_as_it_came(funded: System) -> None:
    payment = funded.payment(funded.alpha, funded.beta, 7)
    now_ms = funded.clock.now_ms()
    head = registration_pb2.OutboundBatch(
        bank="alpha", created_time_ms=now_ms, expires_time_ms=now_ms + 1_000
    ).SerializeToString()
    tail = registration_pb2.OutboundBatch(payments=[payment]).SerializeToString()
    envelope = sign_payload(registration_pb2.OutboundBatch, tail + head, KEYS["alpha"], b"alpha")
    funded.central.settlement.submit(funded.alpha, envelope)
    [row] = rows(funded)
    assert row.others is None
    check(funded, row, 1)
