"""A forger who changes what banks settled with each other is named by the audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from auditor.signatures.stack import SignaturesAsked
from auditor.signatures.verifying import Signatures
from central_bank.registration.tables import bank_batches
from dcep.registration.v1 import registration_pb2
from operator_bank.payments.tables import outbound as outgoing
from settlement.records import Kind, RecordFlag, record_digest
from tests.auditor.forging import Beside, made
from tests.auditor.simulated import CENTRAL, PREFIXES
from tests.auditor.told import ALICE, BOB, DAN, Stack, named, paid, told_stack


def test_a_payment_that_the_bank_sent_to_another_payee_is_named(tmp_path: Path) -> None:
    """The bank signs what it likes to the central bank; its customer's order says otherwise."""
    stack = told_stack(tmp_path)
    dan = stack.number(DAN)
    stack.pay(ALICE, BOB, 800)
    of = outgoing.c.amount_fen == 800
    with stack.system.engines["alpha"].begin() as connection:
        body = connection.execute(select(outgoing.c.body).where(of)).scalar_one()
        payment = registration_pb2.OutboundPayment.FromString(bytes(body))
        payment.payee_number = dan
        connection.execute(update(outgoing).where(of).values(body=payment.SerializeToString()))
    stack.settle()
    problems = stack.problems()
    assert named(problems, "alpha", "CAPTURE of 800 fen", f"payee is {stack.number(BOB)}", dan)


def move(stack: Stack, sequence: int, fen: int, note: bytes = b"") -> Any:
    """Circulation from alpha to beta."""
    alpha, beta = (stack.bank_accounts(bank).circulation for bank in PREFIXES)
    return made(
        origin=alpha, debit=alpha, credit=beta, kind=Kind.TRANSFER,
        sequence=sequence, amount_fen=fen, flags=RecordFlag.NO_LIMIT, digest=record_digest(note),
    )  # fmt: skip


def outbound(stack: Stack, number: int, fen: int) -> bytes:
    payment = registration_pb2.OutboundPayment(
        number=number, payment_id="x", payer_number=stack.number(ALICE),
        payee_number=stack.number(BOB), amount_fen=fen,
    )  # fmt: skip
    return payment.SerializeToString()


def test_circulation_that_moved_without_its_bank_is_named(stack: Stack) -> None:
    note = outbound(stack, 9_999, 123)
    record = move(stack, 9_999, 123, note)
    stack.forge(CENTRAL, lambda told: told.append(Beside(record, note)))
    assert named(
        stack.problems(), "central-bank", "TRANSFER of 123 fen", "no batch that bank alpha"
    )


@pytest.mark.parametrize("field", ["amount_fen", "sequence", "credit"])
def test_a_settlement_that_says_something_else_than_the_bank_signed_is_named(
    stack: Stack, field: str
) -> None:
    def change(told: list[Beside]) -> None:
        alpha = stack.bank_accounts("alpha").circulation
        one = next(one for one in told if one.record["origin"] == alpha)
        one.record[field] = int(one.record[field]) + (-1 if field == "credit" else 1)

    stack.forge(CENTRAL, change)
    assert named(stack.problems(), "central-bank: table journal")


def change_batch(stack: Stack, **values: Any) -> None:
    with stack.system.engines[CENTRAL].begin() as connection:
        first = select(bank_batches.c.position).order_by(bank_batches.c.position).limit(1)
        of = bank_batches.c.position == first.scalar_subquery()
        statement = (
            update(bank_batches).where(of).values(values)
            if values
            else (delete(bank_batches).where(of))
        )
        assert connection.execute(statement).rowcount == 1


def test_a_banks_batch_with_another_signature_is_named(stack: Stack) -> None:
    change_batch(stack, signature=bytes(64))
    assert named(stack.problems(), "table bank_batches", "not by the key")


def test_a_batch_made_out_for_another_bank_is_named(stack: Stack) -> None:
    change_batch(stack, bank=1)
    problems = stack.problems()
    assert named(problems, "table bank_batches")


def test_what_stands_in_no_batch_any_more_is_named(stack: Stack) -> None:
    change_batch(stack)
    assert named(stack.problems(), "no batch that bank alpha signed")


def test_a_settlement_replayed_as_if_it_were_late_is_named(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        alpha = stack.bank_accounts("alpha").circulation
        one = next(one for one in told if one.record["origin"] == alpha)
        again = Beside(one.record.copy(), one.note)
        again.record["flags"] |= RecordFlag.KNOWN_NEW
        told += [Beside(move(stack, 9_999, 1)), again]

    stack.forge(CENTRAL, change)
    assert named(stack.problems(), "central-bank", "accepted before")


def test_without_verification_what_orders_say_is_still_compared(stack: Stack) -> None:
    def change(told: list[Beside]) -> None:
        paid(stack, told).record["amount_fen"] += 1

    stack.forge("alpha", change)
    found = stack.audit(SignaturesAsked(Signatures.NONE))
    assert found.signatures.checked == 0
    assert named(found.problems, "amount")


def test_a_sample_is_drawn_again_from_its_seed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.signatures.verifying.SAMPLED", 30)
    drawn = stack.audit(SignaturesAsked(Signatures.SAMPLE)).signatures
    again = stack.audit(SignaturesAsked(Signatures.SAMPLE, seed=drawn.seed)).signatures
    assert drawn.left_out > 0
    assert (drawn.checked, drawn.left_out) == (again.checked, again.left_out)
    others = {
        stack.audit(SignaturesAsked(Signatures.SAMPLE, seed=seed)).signatures.checked
        for seed in range(8)
    }
    assert len(others) > 1
