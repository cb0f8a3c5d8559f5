"""A payroll whose process ends at any step pays nobody twice and leaves nobody out."""

from __future__ import annotations

import pytest

from dcep.bank.v1 import orders_pb2
from tests.wallet.fake_bank import FakeBank
from tests.wallet.office import MakeOffice
from wallet.app import App
from wallet.payroll import paying


class Crash(BaseException):
    """The process is gone."""


STEPS = 14


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(STEPS))
def test_a_crash_at_any_step_pays_nobody_twice_and_leaves_nobody_out(
    make_office: MakeOffice,
    bank: FakeBank,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    after: bool,
) -> None:
    """Before and after each thing that is written or sent, and again in the command after it."""
    office = make_office(8)
    bank.pending = 2
    with monkeypatch.context() as patch:
        for crash in range(3):
            _crash_at(patch, office.app, bank, step + crash, after)
            try:
                office.run()
            except Crash:
                assert all(c <= w for c, w in zip(office.came(), office.wages(), strict=True))
            patch.undo()
            office.again()
            patch.setattr(paying, "PAYROLL_ITEMS", 3)
    assert office.run() == 0
    assert office.came() == office.wages()
    assert office.states() == {"DONE": 8}
    orders = {orders_pb2.PaymentOrder.FromString(p).sequence for p in bank.received[1:]}
    assert len(orders) == 8, "no row was ordered twice"


@pytest.mark.usefixtures("few_at_once")
def test_the_steps_of_the_test_above_are_all_there_are(
    make_office: MakeOffice, bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = make_office(8)
    bank.pending = 2
    steps = _crash_at(monkeypatch, office.app, bank, 10_000, False)
    office.run()
    assert 6 < len(steps) <= STEPS


def _crash_at(
    patch: pytest.MonkeyPatch, app: App, bank: FakeBank, step: int, after: bool
) -> list[str]:
    """Lets the process end at the step-th thing that is written or sent; returns those it saw."""
    seen: list[str] = []

    def wrap(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def call(*words: object, **named: object) -> object:
            seen.append(name)
            ends = len(seen) - 1 == step
            if ends and not after:
                raise Crash
            answer = real(*words, **named)
            if ends:
                raise Crash
            return answer

        patch.setattr(owner, name, call)

    wrap(app.database, "transaction")
    wrap(bank, "pay_many")
    return seen
