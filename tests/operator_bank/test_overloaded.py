"""A core that takes no more: an answer, never a stop."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from settlement.core import Answers, Batch
from settlement.limits import MAX_QUEUED_BATCHES
from settlement.records import Kind
from settlement.writer import GroupCommitWriter
from tests.operator_bank.system import System
from tests.settlement.books import record


def test_a_bank_whose_core_takes_no_more_says_that_it_is_overloaded(tmp_path: Path) -> None:
    system = System(tmp_path)
    payer, payee = system.open(name="A"), system.open(name="B")
    payer.exchange(1_000)
    bank = system.restart(threaded=True)
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
