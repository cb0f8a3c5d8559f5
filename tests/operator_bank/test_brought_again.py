"""Orders that are brought again by the thousand cost the writer, whom all wait for, nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from currency.number import make
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.limits import MAX_LOOKED_UP
from operator_bank.payments.payments import PENDING, SETTLED, Paid
from runtime.errors import Refusal
from settlement.ledger import Overloaded
from tests.operator_bank.conftest import Holder, World


@pytest.fixture
def alice(world: World) -> Holder:
    holder = world.open(name="Alice Example")
    holder.exchange(900)
    return holder


def no_writer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on whatever goes to the writer fails the test."""
    monkeypatch.setattr(
        world.bank.books.ledger, "submit", lambda batch: pytest.fail("the writer is asked")
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
    world: World, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = world.open(name="Bob Example")
    alice.pay(bob.number, 100)
    orders = payments(alice, bob)
    first = world.bank.payments.pay_many(orders)
    assert [one.state for one in first if isinstance(one, Paid)] == [*[SETTLED] * MAX_LOOKED_UP, 1]
    assert first[-2].state == PENDING  # type: ignore[union-attr]
    assert first[-1].name == "INSUFFICIENT_FUNDS"  # type: ignore[union-attr]
    no_writer(world, monkeypatch)
    again = world.bank.payments.pay_many(orders)
    assert said(again) == said(first)
    assert all(one.repeated for one in again if isinstance(one, Paid))


def test_other_payments_under_used_sequences_are_refused_without_the_writer(
    world: World, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = world.open(name="Bob Example")
    world.bank.payments.pay_many([alice.order(bob.number, 1) for _ in range(MAX_LOOKED_UP + 1)])
    alice.sequence -= MAX_LOOKED_UP + 1
    others = [alice.order(bob.number, 2) for _ in range(MAX_LOOKED_UP + 1)]
    no_writer(world, monkeypatch)
    answers = world.bank.payments.pay_many(others)
    assert {one.name for one in answers if isinstance(one, Refusal)} == {"ID_REUSED"}
    assert bob.fen == MAX_LOOKED_UP + 1


def test_new_payments_among_those_that_are_brought_again_are_decided(
    world: World, alice: Holder
) -> None:
    bob = world.open(name="Bob Example")
    skipped = alice.next()
    orders = [alice.order(bob.number, 1) for _ in range(MAX_LOOKED_UP)]
    world.bank.payments.pay_many(orders)
    late, new = alice.order(bob.number, 3, sequence=skipped), alice.order(bob.number, 5)
    answers = world.bank.payments.pay_many([*orders, late, new])
    assert [one.repeated for one in answers if isinstance(one, Paid)] == [
        *[True] * MAX_LOOKED_UP,
        False,
        False,
    ]
    assert bob.fen == MAX_LOOKED_UP + 3 + 5


def test_exchanges_that_are_brought_again_get_their_first_answers_without_the_writer(
    world: World, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [alice.exchange_order(1, out=True) for _ in range(MAX_LOOKED_UP)]
    orders.append(alice.exchange_order(2_000, out=True))
    first, fen = world.bank.exchange.exchange_many(orders), alice.fen
    no_writer(world, monkeypatch)
    again = world.bank.exchange.exchange_many(orders)
    assert said(again) == said(first)
    assert (alice.fen, fen) == (900 - MAX_LOOKED_UP, 900 - MAX_LOOKED_UP)
    assert all(one.repeated for one in again if not isinstance(one, Refusal))
    alice.sequence -= len(orders)
    others = [alice.exchange_order(3) for _ in orders]
    answers = world.bank.exchange.exchange_many(others)
    assert {one.name for one in answers if isinstance(one, Refusal)} == {"ID_REUSED"}


def test_while_the_past_cannot_be_looked_at_the_ledger_decides(
    world: World, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = world.open(name="Bob Example")
    orders = [alice.order(bob.number, 1) for _ in range(MAX_LOOKED_UP + 1)]
    world.bank.payments.pay_many(orders)

    def behind(wanted: object) -> None:
        raise Overloaded("not now")

    monkeypatch.setattr(world.bank.books.history, "rows", behind)
    new = [alice.order(bob.number, 1) for _ in range(MAX_LOOKED_UP + 1)]
    answers = world.bank.payments.pay_many(new)
    assert not any(isinstance(one, Refusal) for one in answers)
    assert bob.fen == 2 * (MAX_LOOKED_UP + 1)
