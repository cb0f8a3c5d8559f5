"""The audit names a refund of nothing that the wallet received, and what is refunded too much."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.ledger import accounts
from operator_bank.payments.tables import outbound, refunds
from settlement.records import Kind, RecordFlag, record_digest
from tests.auditor.forging import Beside, made
from tests.auditor.told import ALICE, BOB, CAROL, DAN, Stack, named
from wallet.online.account import HistoryEntry

NEXT = 50


def received(stack: Stack, name: str, payer: str) -> HistoryEntry:
    """The first payment that somebody got from somebody."""
    lines, _ = stack.holder(name).history()
    number = stack.number(payer)
    return next(one for one in reversed(lines) if one.counterparty == number and one.change_fen > 0)


@pytest.fixture
def refunded(tmp_path: Path) -> Stack:
    """Carol at alpha gives back 400 of 1,000 fen to Alice and 300 of 3,000 to Dan at beta."""
    stack = Stack(tmp_path)
    stack.pay(ALICE, CAROL, 1_000)
    stack.pay(DAN, CAROL, 3_000)
    stack.pay(ALICE, BOB, 500)
    stack.settle()
    stack.holder(CAROL).refund(received(stack, CAROL, ALICE).payment_id, 400)
    stack.holder(CAROL).refund(received(stack, CAROL, DAN).payment_id, 300)
    stack.settle()
    stack.holder(BOB).refund(received(stack, BOB, ALICE).payment_id)  # on its way
    return stack


def test_honest_refunds_are_proved(refunded: Stack) -> None:
    found = refunded.audit()
    assert found.ok, found.problems
    refunded.settle()
    assert refunded.audit().ok
    assert [one.kind for one in refunded.holder(ALICE).history()[0]][:2] == ["refund", "refund"]
    assert refunded.holder(DAN).history()[0][0].refunds_payment_id


def test_a_refund_in_suspense_is_proved(refunded: Stack) -> None:
    refunded.system.built["alpha"].directory.set_frozen(refunded.number(ALICE), True)
    refunded.settle()
    refunded.holder(CAROL).refund(received(refunded, CAROL, ALICE).payment_id)
    assert [one for one in refunded.problems() if "pay_suspense" in one or "refund" in one] == []
    books = refunded.system.built["alpha"].vault.books()
    assert books.suspense_fen == 500 + 600


def forged(stack: Stack, fen: int, of: HistoryEntry, **changes: int) -> Beside:
    """Carol's refund, which she has signed and her bank makes whatever it is of."""
    order, signature = stack.order(
        orders_pb2.RefundOrder,
        CAROL,
        stack.system.built[CAROL].home.key(),
        sequence=NEXT,
        refunds_payment_id=of.payment_id,
        refunds_position=of.position,
        amount_fen=fen,
    )
    now_ms = stack.system.clock.now_ms()
    fields = {
        "origin": stack.account(CAROL),
        "debit": stack.account(CAROL),
        "credit": stack.account(ALICE),
        "kind": Kind.DELIVER,
        "flags": RecordFlag.NO_LIMIT,
        "purpose": purposes_pb2.PURPOSE_REFUND,
        "sequence": NEXT,
        "amount_fen": fen,
        "time_ms": now_ms,
        "expires_ms": now_ms + 60_000,
        "ref": accounts.SUSPENSE,
        "digest": record_digest(order),
    }
    return Beside(made(**{**fields, **changes}), order, signature)


def test_a_refund_too_much_is_named(refunded: Stack) -> None:
    paid = received(refunded, CAROL, ALICE)
    one = forged(refunded, 601, paid)
    refunded.forge("alpha", lambda told: told.append(one))
    assert named(refunded.problems(), refunded.number(CAROL), "1001 fen", "1000 fen")


def test_a_refund_of_somebody_elses_payment_is_named(refunded: Stack) -> None:
    paid = received(refunded, ALICE, CAROL)  # what Alice got, which is Carol's refund
    one = forged(refunded, 1, paid)
    refunded.forge("alpha", lambda told: told.append(one))
    assert named(refunded.problems(), refunded.number(CAROL), "has not received")


def test_a_refund_of_a_top_up_is_named(refunded: Stack) -> None:
    top_up = next(one for one in refunded.holder(CAROL).history()[0] if one.kind == "top-up")
    refunded.forge("alpha", lambda told: told.append(forged(refunded, 1, top_up)))
    assert named(refunded.problems(), refunded.number(CAROL), "no payment from another wallet")


def test_a_refund_to_somebody_else_is_named(refunded: Stack) -> None:
    paid = received(refunded, CAROL, ALICE)
    one = forged(refunded, 1, paid, credit=accounts.VAULT)
    refunded.forge("alpha", lambda told: told.append(one))
    assert named(refunded.problems(), refunded.number(CAROL), "another was paid")


def test_a_refund_that_is_dressed_as_a_payment_is_named(refunded: Stack) -> None:
    paid = received(refunded, CAROL, ALICE)
    payment = {"kind": Kind.TRANSFER, "purpose": purposes_pb2.PURPOSE_PAYMENT, "ref": 0, "flags": 0}
    one = forged(refunded, 900, paid, **payment)
    refunded.forge("alpha", lambda told: told.append(one))
    assert refunded.problems()


def test_rows_that_are_missing_or_too_many_are_named(refunded: Stack) -> None:
    engine = refunded.system.engines["alpha"]
    with engine.begin() as connection:
        first = connection.execute(refunds.select().order_by(refunds.c.position)).first()
        assert first is not None
        connection.execute(delete(refunds).where(refunds.c.position == first.position))
    assert named(refunded.problems(), "table refunds", f"position={first.position}", "no refund")
    with engine.begin() as connection:
        connection.execute(insert(refunds), {**first._mapping, "amount_fen": 1})
    assert named(refunded.problems(), "table refunds", f"position={first.position}", "1 fen")
    with engine.begin() as connection:
        connection.execute(
            update(refunds)
            .where(refunds.c.position == first.position)
            .values(amount_fen=first.amount_fen)
        )
        connection.execute(insert(refunds), {"position": 1, "payment": 2, "amount_fen": 3})
    assert named(refunded.problems(), "table refunds", "position=1", "no refund")


def test_a_refund_that_another_bank_refused_counts_no_more(refunded: Stack) -> None:
    """And one that is marked so without having been refused lets too much go, which is seen."""
    engine = refunded.system.engines["beta"]
    with engine.begin() as connection:
        connection.execute(update(outbound).values(state=3))
    refunded.holder(BOB).refund(received(refunded, BOB, ALICE).payment_id, anew=True)
    assert named(refunded.problems(), refunded.number(BOB), "1000 fen", "500 fen")
