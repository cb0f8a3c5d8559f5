"""Orders that are brought again by the thousand cost the writer, whom all wait for, nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from currency.number import make
from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.limits import MAX_LOOKED_UP
from operator_bank.payments.rows import PENDING, SETTLED, Paid
from operator_bank.wallets import orders as orders_module
from runtime.errors import Refusal
from runtime.one_call_each import OneCallEach
from settlement.ledger import Overloaded
from tests.operator_bank.system import Holder, System


@pytest.fixture
def alice(system: System) -> Holder:
    holder = system.open(name="Alice Example")
    holder.exchange(900)
    return holder


def no_writer(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on whatever goes to the writer fails the test."""
    monkeypatch.setattr(
        system.bank.books.ledger, "submit", lambda batch: pytest.fail("the writer is asked")
    )


def said(answers: Sequence[object]) -> list[object]:
    return [
        (one.name, one.message)
        if isinstance(one, Refusal)
        else (one.payment_id, one.state, one.number)
        if isinstance(one, Paid)
        else "exchanged"
        for one in answers
    ]


def payments(alice: Holder, bob: Holder) -> list[SignedEnvelope]:
    """Some that settle, one that goes to another bank, and one that there is no money for."""
    within = [alice.order(bob.number, 1) for _ in range(MAX_LOOKED_UP)]
    return [*within, alice.order(make("6202", 1), 2), alice.order(bob.number, 800)]


def test_payments_that_are_brought_again_get_their_first_answers_without_the_writer(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = system.open(name="Bob Example")
    alice.pay(bob.number, 100)
    orders = payments(alice, bob)
    first = system.bank.payments.pay_many(orders)
    assert [one.state for one in first if isinstance(one, Paid)] == [*[SETTLED] * MAX_LOOKED_UP, 1]
    assert first[-2].state == PENDING  # type: ignore[union-attr]
    assert first[-1].name == "INSUFFICIENT_FUNDS"  # type: ignore[union-attr]
    no_writer(system, monkeypatch)
    again = system.bank.payments.pay_many(orders)
    assert said(again) == said(first)
    assert all(one.repeated for one in again if isinstance(one, Paid))


def test_other_payments_under_used_sequences_are_refused_without_the_writer(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = system.open(name="Bob Example")
    system.bank.payments.pay_many([alice.order(bob.number, 1) for _ in range(MAX_LOOKED_UP + 1)])
    alice.sequence -= MAX_LOOKED_UP + 1
    others = [alice.order(bob.number, 2) for _ in range(MAX_LOOKED_UP + 1)]
    no_writer(system, monkeypatch)
    answers = system.bank.payments.pay_many(others)
    assert {one.name for one in answers if isinstance(one, Refusal)} == {"ID_REUSED"}
    assert bob.fen == MAX_LOOKED_UP + 1


def test_new_payments_among_those_that_are_brought_again_are_decided(
    system: System, alice: Holder
) -> None:
    bob = system.open(name="Bob Example")
    skipped = alice.next()
    orders = [alice.order(bob.number, 1) for _ in range(MAX_LOOKED_UP)]
    system.bank.payments.pay_many(orders)
    late, new = alice.order(bob.number, 3, sequence=skipped), alice.order(bob.number, 5)
    answers = system.bank.payments.pay_many([*orders, late, new])
    assert [one.repeated for one in answers if isinstance(one, Paid)] == [
        *[True] * MAX_LOOKED_UP,
        False,
        False,
    ]
    assert bob.fen == MAX_LOOKED_UP + 3 + 5


def test_exchanges_that_are_brought_again_get_their_first_answers_without_the_writer(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [alice.exchange_order(1, out=True) for _ in range(MAX_LOOKED_UP)]
    orders.append(alice.exchange_order(2_000, out=True))
    first, fen = system.bank.exchange.exchange_many(orders), alice.fen
    no_writer(system, monkeypatch)
    again = system.bank.exchange.exchange_many(orders)
    assert said(again) == said(first)
    assert (alice.fen, fen) == (900 - MAX_LOOKED_UP, 900 - MAX_LOOKED_UP)
    assert all(one.repeated for one in again if not isinstance(one, Refusal))
    alice.sequence -= len(orders)
    others = [alice.exchange_order(3) for _ in orders]
    answers = system.bank.exchange.exchange_many(others)
    assert {one.name for one in answers if isinstance(one, Refusal)} == {"ID_REUSED"}


def test_while_the_past_cannot_be_looked_at_the_ledger_decides(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = system.open(name="Bob Example")
    orders = [alice.order(bob.number, 1) for _ in range(MAX_LOOKED_UP + 1)]
    system.bank.payments.pay_many(orders)

    def behind(wanted: object) -> None:
        raise Overloaded("not now")

    monkeypatch.setattr(system.bank.books.history, "rows", behind)
    new = [alice.order(bob.number, 1) for _ in range(MAX_LOOKED_UP + 1)]
    answers = system.bank.payments.pay_many(new)
    assert not any(isinstance(one, Refusal) for one in answers)
    assert bob.fen == 2 * (MAX_LOOKED_UP + 1)


MANY = MAX_LOOKED_UP + 1
"""So many that the call looks for them itself."""


def names(answers: Sequence[object]) -> set[str]:
    return {one.name if isinstance(one, Refusal) else "done" for one in answers}


def test_exchanges_under_the_sequences_of_held_payments_are_refused_without_the_writer(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.bank.payments.pay_many([alice.order(make("6202", 1), 1) for _ in range(MANY)])
    alice.sequence -= MANY
    no_writer(system, monkeypatch)
    answers = system.bank.exchange.exchange_many([alice.exchange_order(1) for _ in range(MANY)])
    assert names(answers) == {"ID_REUSED"}


def test_orders_under_the_sequences_of_kept_refusals_are_refused_without_the_writer(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = system.open(name="Bob Example")
    payments = [alice.order(bob.number, 1) for _ in range(MANY)]
    opened = system.bank.payments._orders.open_many(orders_pb2.PaymentOrder, payments)
    for order in opened:
        assert not isinstance(order, Refusal)
        no = Refusal(errors_pb2.REASON_BANK_CANNOT_NOW, "no")
        assert system.bank.payments._refused.keep(order, no) is no
    alice.sequence -= MANY
    exchanges = [alice.exchange_order(1) for _ in range(MANY)]
    assert names(system.bank.payments.pay_many(payments[:1])) == {"ID_REUSED"}
    no_writer(system, monkeypatch)
    assert names(system.bank.payments.pay_many(payments)) == {"ID_REUSED"}
    assert names(system.bank.exchange.exchange_many(exchanges)) == {"ID_REUSED"}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"amount_fen": 2}, "ID_REUSED"),
        ({"expires_time_ms": 1_750_000_030_000}, "ID_REUSED"),
        ({"payee_number": make("6201", 1)}, "ID_REUSED"),
        ({"payee_number": make("6202", 1)}, "ID_REUSED"),
        ({"memo": "other"}, "done"),
    ],
)
def test_another_payment_with_the_same_digest_is_answered_alike_singly_and_in_bulk(
    system: System,
    alice: Holder,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    name: str,
) -> None:
    monkeypatch.setattr(orders_module, "record_digest", lambda payload: 7)
    bob = system.open(name="Bob Example")
    system.bank.payments.pay_many([alice.order(bob.number, 1) for _ in range(MANY)])
    alice.sequence -= MANY
    one = {"payee_number": bob.number, "amount_fen": 1, **change}
    others = [
        alice.signed(orders_pb2.PaymentOrder, sequence=alice.next(), **one) for _ in range(MANY)
    ]
    singly = system.bank.payments.pay_many(others[:1])
    no_writer(system, monkeypatch)
    assert names(singly) == names(system.bank.payments.pay_many(others)) == {name}


@pytest.mark.parametrize(
    "change", [{"fen": 2}, {"out": True}, {"cash": True}, {"expires_time_ms": 1_750_000_030_000}]
)
def test_another_exchange_with_the_same_digest_is_refused_singly_and_in_bulk(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setattr(orders_module, "record_digest", lambda payload: 7)
    system.bank.exchange.exchange_many([alice.exchange_order(1) for _ in range(MANY)])
    alice.sequence -= MANY
    others = [alice.exchange_order(**{"fen": 1, **change}) for _ in range(MANY)]
    singly = system.bank.exchange.exchange_many(others[:1])
    no_writer(system, monkeypatch)
    assert names(singly) == names(system.bank.exchange.exchange_many(others)) == {"ID_REUSED"}


def test_what_was_decided_is_looked_for_while_others_exchange_cash(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [alice.exchange_order(1) for _ in range(MANY)]
    orders.append(alice.exchange_order(2, cash=True))
    system.bank.exchange.exchange_many(orders)
    new = alice.exchange_order(3, cash=True)
    rows, using = system.bank.books.history.rows, system.bank.exchange._using_receipts
    looked = []

    def looking(wanted: set[tuple[int, int]]) -> object:
        looked.append(using.locked())
        return rows(wanted)

    monkeypatch.setattr(system.bank.books.history, "rows", looking)
    answers = system.bank.exchange.exchange_many([*orders, new])
    assert [one.repeated for one in answers if not isinstance(one, Refusal)] == [
        *[True] * (MANY + 1),
        False,
    ]
    assert looked == [False]
    assert alice.fen == 900 + MANY + 2 + 3


def test_equal_calls_at_once_are_decided_by_the_first_and_found_by_the_others(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = system.open(name="Bob Example")
    orders = [alice.order(bob.number, 1) for _ in range(MANY)]
    submit, holding = system.bank.books.ledger.submit, OneCallEach.holding
    asked: list[object] = []
    second_is_there = threading.Event()
    answers: list[object] = []
    second = threading.Thread(target=lambda: answers.extend(system.bank.payments.pay_many(orders)))

    def come(calls: OneCallEach, things: set[Any]) -> object:
        if asked:
            second_is_there.set()
        return holding(calls, things)

    def write(batch: Any) -> object:
        asked.append(batch)
        if len(asked) == 1:
            second.start()
            assert second_is_there.wait(10)
        return submit(batch)

    monkeypatch.setattr(OneCallEach, "holding", come)
    monkeypatch.setattr(system.bank.books.ledger, "submit", write)
    first = system.bank.payments.pay_many(orders)
    second.join(10)
    assert said(answers) == said(first)
    assert all(one.repeated for one in answers if isinstance(one, Paid))
    assert (len(answers), len(asked), bob.fen) == (MANY, 1, MANY)
