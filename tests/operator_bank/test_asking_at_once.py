"""A request that is paid and withdrawn at once is one or the other; a failure leaves it open."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from operator_bank.payments import one_by_one
from tests.operator_bank.asking import SETTLED, WITHDRAW, ask, carried, change, order, pay, seen
from tests.operator_bank.at_once import at_once
from tests.operator_bank.system import Holder, System
from tests.refusals import refused_for

ROUNDS = 12


def test_it_is_paid_or_withdrawn_and_never_both(tmp_path: Path, database_url: str) -> None:
    system = System(tmp_path, database_url)
    system.restart(threaded=True)
    try:
        alice, bob = system.open(name="Alice"), system.open(name="Bob")
        alice.exchange(100_000)
        for paid in range(ROUNDS):
            before_fen = bob.fen
            name = ask(bob, alice.number, 100 + paid)
            signed = order(alice, name, 100 + paid)
            state, withdrawn = at_once(
                lambda signed=signed: system.bank.asked_payments.pay(signed, 0.0)[0].state,
                lambda name=name: change(bob, name, WITHDRAW),
            )
            if withdrawn == "WITHDRAWN":
                assert (state, bob.fen) == ("REQUEST_TO_PAY_OVER", before_fen)
                assert seen(bob)[name] == ("WITHDRAWN", 0)
            else:
                assert (state, withdrawn) == (str(SETTLED), "REQUEST_TO_PAY_OVER")
                assert bob.fen == before_fen + 100 + paid
                assert seen(bob)[name] == ("PAID", 100 + paid)
    finally:
        system.bank.books.stop()


def test_many_parts_at_once_are_no_more_than_the_whole(tmp_path: Path, database_url: str) -> None:
    system = System(tmp_path, database_url)
    system.restart(threaded=True)
    try:
        alice, bob = system.open(name="Alice"), system.open(name="Bob")
        alice.exchange(100_000)
        name = ask(bob, alice.number, 1_000, partial=True)
        orders = [order(alice, name, 300) for _ in range(6)]
        told = at_once(
            *(
                lambda one=one: system.bank.asked_payments.pay(one, 0.0)[0].state  # type: ignore[misc]
                for one in orders
            )
        )
        assert sorted(told) == [*[str(SETTLED)] * 3, *["AMOUNT_NOT_ASKED"] * 3]
        assert (bob.fen, seen(alice)[name]) == (900, ("OPEN", 900))
    finally:
        system.bank.books.stop()


def test_what_could_not_be_written_was_not_paid(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payment, what is sent of it, and that it pays the request are written together."""
    system.bank.taking.take([carried(system, alice.number, 700)])
    [name] = seen(alice)

    def fails(*_: object) -> None:
        raise IntegrityError("", None, Exception("no room"))

    monkeypatch.setattr(one_by_one, "put_outbound", fails)
    with pytest.raises(IntegrityError):
        pay(alice, name, 700)
    monkeypatch.undo()
    system.restart()
    assert (alice.fen, alice.held_fen, seen(alice)[name]) == (100_000, 0, ("OPEN", 0))
    pay(alice, name, 700)
    assert refused_for(lambda: pay(alice, name, 700)) == "REQUEST_TO_PAY_OVER"
    assert (alice.held_fen, seen(alice)[name]) == (700, ("PAID", 700))
