"""The audit names what is paid on no request, or on one more than it asks; and what rows hide."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from dcep.bank.v1 import asking_pb2, orders_pb2
from operator_bank.asking.tables import asked, asked_payments
from operator_bank.payments.tables import outbound
from tests.auditor.asking import ask, requests
from tests.auditor.told import ALICE, BOB, CAROL, DAN, Stack, named
from tests.refusals import refused_for

WITHDRAW, DECLINE = orders_pb2.ASKED_CHANGE_WITHDRAW, orders_pb2.ASKED_CHANGE_DECLINE


def pay(stack: Stack, payer: str, name: str, fen: int, *, anew: bool = False) -> None:
    asking = requests(stack, payer)
    asking.pay(asking.get(name), fen, anew=anew)


def states(stack: Stack, wallet: str) -> dict[str, tuple[str, int]]:
    return {line.name: (line.state, line.paid_fen) for line in requests(stack, wallet).lines()}


@pytest.fixture
def paid(tmp_path: Path) -> tuple[Stack, str]:
    """Alice at alpha pays Carol there 1,000 fen, and Bob at beta 300 of 900."""
    stack = Stack(tmp_path)
    pay(stack, ALICE, ask(stack, CAROL, ALICE, 1_000), 1_000)
    parts = ask(stack, BOB, ALICE, 900, partial=True)
    stack.settle()
    pay(stack, ALICE, parts, 300)
    stack.settle()
    pay(stack, ALICE, parts, 100)  # on its way
    return stack, parts


def test_honest_payments_of_requests_are_proved(paid: tuple[Stack, str]) -> None:
    stack, parts = paid
    assert stack.audit().ok, stack.problems()
    assert states(stack, ALICE)[parts] == ("OPEN", 400)
    assert states(stack, BOB)[parts] == ("OPEN", 300)
    stack.settle()
    assert states(stack, BOB)[parts] == ("OPEN", 400)
    [line, *_] = stack.holder(BOB).history()[0]
    assert (line.request_to_pay_id, line.memo) == (parts, "面条")
    pay(stack, ALICE, parts, 500)
    stack.settle()
    assert states(stack, BOB)[parts] == states(stack, ALICE)[parts] == ("PAID", 900)
    assert refused_for(lambda: pay(stack, ALICE, parts, 1)) == "REQUEST_TO_PAY_OVER"
    assert stack.audit().ok, stack.problems()


def test_withdrawn_and_declined_at_the_other_bank(paid: tuple[Stack, str]) -> None:
    stack, parts = paid
    stack.settle()
    assert requests(stack, BOB).change(parts, WITHDRAW).state == "WITHDRAWING"
    stack.settle()
    assert states(stack, BOB)[parts] == states(stack, ALICE)[parts] == ("WITHDRAWN", 400)
    assert refused_for(lambda: pay(stack, ALICE, parts, 1)) == "REQUEST_TO_PAY_OVER"
    other = ask(stack, DAN, CAROL, 5)
    stack.settle()
    assert requests(stack, CAROL).change(other, DECLINE).state == "DECLINED"
    stack.settle()
    assert states(stack, DAN)[other] == ("DECLINED", 0)
    assert stack.audit().ok, stack.problems()


def test_a_refund_of_a_paid_request_does_not_open_it_again(paid: tuple[Stack, str]) -> None:
    stack, _ = paid
    [line] = [one for one in stack.holder(CAROL).history()[0] if one.request_to_pay_id]
    stack.holder(CAROL).refund(line.payment_id)
    assert states(stack, CAROL)[line.request_to_pay_id] == ("PAID", 1_000)
    assert stack.audit().ok, stack.problems()


def test_what_came_back_can_be_paid_again(tmp_path: Path) -> None:
    """Bob's wallet is frozen when the money comes: it goes back, and Alice owes it still."""
    stack = Stack(tmp_path)
    name = ask(stack, BOB, ALICE, 700)
    stack.settle()
    pay(stack, ALICE, name, 700)
    while stack.system.built["alpha"].send():
        pass
    stack.system.built["beta"].directory.set_frozen(stack.number(BOB), True)
    stack.settle()
    stack.settle()
    assert states(stack, ALICE)[name] == ("OPEN", 0)
    stack.system.built["beta"].directory.set_frozen(stack.number(BOB), False)
    pay(stack, ALICE, name, 700, anew=True)
    stack.settle()
    assert states(stack, BOB)[name] == states(stack, ALICE)[name] == ("PAID", 700)
    problems = [one for one in stack.problems() if "freez" not in one]
    assert not [one for one in problems if "request" in one or "asked" in one]


def test_more_than_was_asked_is_named(paid: tuple[Stack, str]) -> None:
    """A bank that hides what was paid lets a request be paid twice."""
    stack, parts = paid
    with stack.system.engines["alpha"].begin() as connection:
        connection.execute(delete(asked_payments).where(asked_payments.c.request == parts))
    pay(stack, ALICE, parts, 900)
    problems = stack.problems()
    assert named(problems, "with it 1300 fen are paid on a request for 900 fen")
    assert named(problems, "asked_payments", "300 fen on request", "no payment of a request")


def test_a_row_of_no_payment_is_named(paid: tuple[Stack, str]) -> None:
    stack, parts = paid
    with stack.system.engines["alpha"].begin() as connection:
        row = {"position": 1, "request": parts, "amount_fen": 500}
        connection.execute(insert(asked_payments), row)
    assert named(stack.problems(), "asked_payments, row position=1", "no payment of a request")


def test_a_request_that_its_asker_did_not_sign_is_named(paid: tuple[Stack, str]) -> None:
    stack, parts = paid
    with stack.system.engines["alpha"].begin() as connection:
        row = connection.execute(select(asked).where(asked.c.id == parts)).one()
        content = orders_pb2.RequestToPay.FromString(bytes(row.payload))
        content.amount_fen = 90_000
        values = {"payload": content.SerializeToString(), "amount_fen": 90_000}
        connection.execute(update(asked).where(asked.c.id == parts).values(values))
    problems = stack.problems()
    assert named(problems, f"table asked, row id={parts}", "signature")
    assert named(problems, "it pays a request that nobody has made")


def test_a_state_that_nobody_ordered_is_named(paid: tuple[Stack, str]) -> None:
    stack, parts = paid
    with stack.system.engines["alpha"].begin() as connection:
        declined = {"state": int(asking_pb2.ASKED_STATE_DECLINED)}
        connection.execute(update(asked).where(asked.c.id == parts).values(declined))
    assert named(stack.problems(), f"table asked, row id={parts}", "nobody who may do so")


def test_a_payment_refused_by_the_other_bank_is_the_payers_again(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    name = ask(stack, BOB, ALICE, 700)
    stack.settle()
    stack.system.built["beta"].directory.set_frozen(stack.number(BOB), True)
    pay(stack, ALICE, name, 700)
    assert states(stack, ALICE)[name] == ("PAID", 700)
    stack.settle()
    assert states(stack, ALICE)[name] == ("OPEN", 0)
    with stack.system.engines["alpha"].connect() as connection:
        assert connection.execute(select(outbound.c.number)).all()
