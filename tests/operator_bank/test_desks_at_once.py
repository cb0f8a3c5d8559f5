"""One request id at two desks at once, and a core that takes no more: an answer, never a stop."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest
from sqlalchemy import Connection

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from settlement.core import Answers, Batch
from settlement.limits import MAX_QUEUED_BATCHES
from settlement.records import Kind
from settlement.writer import GroupCommitWriter
from tests.operator_bank.conftest import World
from tests.settlement.books import record

_CAUSE = "court order 12"


def test_one_request_id_at_two_desks_at_once_is_refused_at_the_second(tmp_path: Path) -> None:
    world = World(tmp_path)
    frozen, payee = world.open(name="A"), world.open(name="B")
    world.bank.directory.set_frozen(str(uuid.uuid4()), frozen.number, "alpha/olga", "x", True)
    world.hear(tokens_deposited=world.depositing(frozen, 50))
    (entry,) = world.bank.suspense.page(10, 0)
    key = str(uuid.uuid4())
    ledger = world.bank.directory._ledger
    submit = ledger.submit

    def meanwhile(batch: Batch) -> Answers:
        ledger.submit = submit  # type: ignore[method-assign]
        world.bank.suspense.pay(key, entry.position, payee.number, "alpha/olga", _CAUSE)
        return submit(batch)

    ledger.submit = meanwhile  # type: ignore[method-assign]
    with pytest.raises(Refusal) as refused:
        world.bank.directory.set_frozen(key, payee.number, "alpha/olga", _CAUSE, True)
    assert refused.value.reason == errors_pb2.REASON_ID_REUSED
    assert payee.fen == 50
    assert payee.exchange(100) == 150, "the wallet was not frozen, and the bank goes on"
    world.check_books()


def test_a_bank_whose_core_takes_no_more_says_that_it_is_overloaded(tmp_path: Path) -> None:
    world = World(tmp_path)
    payer, payee = world.open(name="A"), world.open(name="B")
    payer.exchange(1_000)
    bank = world.restart(threaded=True)
    writer = bank.books.ledger
    assert isinstance(writer, GroupCommitWriter)
    entered, gate = threading.Event(), threading.Event()

    def stay(connection: Connection, answers: Answers) -> None:
        entered.set()
        gate.wait(30)

    records = record(Kind.SET_FLAGS, credit=payee.wallet.account)
    held = [writer.submit_later(Batch(records, None, stay))]
    assert entered.wait(30)
    with pytest.raises(Refusal) as refused:
        for _ in range(3 * MAX_QUEUED_BATCHES):
            held.append(writer.submit_later(Batch(records)))
    with pytest.raises(Refusal) as payment:
        payer.pay(payee.number, 1)
    gate.set()
    for future in held:
        future.result(30)
    for one in (refused, payment):
        assert one.value.reason == errors_pb2.REASON_OVERLOADED
        assert one.value.code == 8, "RESOURCE_EXHAUSTED"
    payer.pay(payee.number, 1)
    bank.books.stop()
