"""A refusal speaks of the payer; a wallet has its own share of what waits, and its own days."""

from __future__ import annotations

import pytest

from currency.number import make
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from settlement.limits import MAX_ACCOUNT_HOLDS
from tests.operator_bank.system import FOREIGN, II, OTHER_PREFIX, System, made

CAP_FEN, SINGLE_FEN, DAY_FEN = 500_000, 2_000, 200_000
DAY_MS = 86_400_000


def reason_for(system: System, payer: object, payee: str, fen: int) -> int:
    """Why a payment is refused."""
    with pytest.raises(Refusal) as refused:
        payer.pay(payee, fen)  # type: ignore[attr-defined]
    return int(refused.value.reason)


def test_an_empty_wallet_is_told_of_its_own_funds_whoever_the_payee_is(system: System) -> None:
    full, empty, frozen, closed = (system.open(name=name) for name in ("A", "B", "C", "D"))
    full.exchange(CAP_FEN - 1_000)
    system.bank.directory.set_frozen(frozen.number, True)
    spy = system.open(phone="13800138000")
    for payee in (full, empty, frozen, closed):
        for fen in (1, 1_000, 1_001, SINGLE_FEN):
            short = errors_pb2.REASON_INSUFFICIENT_FUNDS
            assert reason_for(system, spy, payee.number, fen) == short
        over = errors_pb2.REASON_OVER_SINGLE_LIMIT
        assert reason_for(system, spy, payee.number, SINGLE_FEN + 1) == over


def test_one_wallet_holds_its_share_of_payments_on_their_way_and_no_more(system: System) -> None:
    many, other = system.open(name="A"), system.open(name="B")
    for wallet in (many, other):
        wallet.exchange(10_000)
    orders = [many.order(FOREIGN, 1) for _ in range(MAX_ACCOUNT_HOLDS)]
    answers = system.bank.payments.pay_many(orders)
    assert not any(isinstance(one, Refusal) for one in answers)
    assert reason_for(system, many, FOREIGN, 1) == errors_pb2.REASON_TOO_MANY_HOLDS
    assert many.held_fen == MAX_ACCOUNT_HOLDS
    other.pay(FOREIGN, 1)
    many.pay(other.number, 1)
    system.hear(outgoing_settled={"number": made(answers[0]).number})
    many.pay(FOREIGN, 1)
    assert many.held_fen == MAX_ACCOUNT_HOLDS


def test_a_clock_that_steps_around_midnight_gives_nobody_a_second_day(system: System) -> None:
    system.limits[II] = (*system.limits[II][:3], 0)
    system.publish()
    payer = system.open(name="A")
    payee = make(OTHER_PREFIX, 2)
    payer.exchange(CAP_FEN)
    for days_back, left in [(0, DAY_FEN), (-1, DAY_FEN), (1, 0), (-1, 0), (2, 0)]:
        system.clock.set_back(days_back * DAY_MS)
        for _ in range(left // 100_000):
            payer.pay(payee, 100_000)
        assert reason_for(system, payer, payee, 1) == errors_pb2.REASON_OVER_DAY_LIMIT
