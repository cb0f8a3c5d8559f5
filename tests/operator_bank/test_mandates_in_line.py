"""Tries of mandates that cannot be made hold up no other."""

from __future__ import annotations

from typing import Any

import pytest

from operator_bank.asking import new_requests
from operator_bank.asking.answering import AskedPayments, PaymentOrder
from operator_bank.limits import ASIDE_MS, REFUSED_BYTES
from tests.operator_bank import asking
from tests.operator_bank.mandates import given, states
from tests.operator_bank.system import Holder, System


def test_a_mandate_without_money_holds_up_no_other(
    system: System, alice: Holder, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is refused is kept for ever, so that a wallet has to wait after so much of it."""
    monkeypatch.setattr(new_requests, "MAX_OPEN_OF_ONE", 1_000)
    poor, good = given(system.open(name="Poor"), bob.number), given(alice, bob.number)
    for _ in range(REFUSED_BYTES // 400):
        asking.ask(bob, poor, 100, text="x" * 100)
    name = asking.ask(bob, good, 100)
    while system.bank.mandates.step():
        pass
    assert states(bob)[name] == ("PAID", "")


def test_a_fault_of_ours_in_one_try_holds_up_no_other(
    system: System, alice: Holder, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay = AskedPayments.pay_by_mandate

    def wrong(self: AskedPayments, order: PaymentOrder, *more: Any) -> Any:
        if order.content.amount_fen == 101:
            raise RuntimeError("a fault")
        return pay(self, order, *more)

    monkeypatch.setattr(AskedPayments, "pay_by_mandate", wrong)
    mandate = given(alice, bob.number)
    faulty, good = asking.ask(bob, mandate, 101), asking.ask(bob, mandate, 100)
    with pytest.raises(RuntimeError):
        system.bank.mandates.step()
    assert not system.bank.mandates.step()
    assert states(bob) == {faulty: ("OPEN", ""), good: ("PAID", "")}
    monkeypatch.setattr(AskedPayments, "pay_by_mandate", pay)
    system.clock.advance(ASIDE_MS)
    assert not system.bank.mandates.step()
    assert states(bob)[faulty] == ("PAID", "")
