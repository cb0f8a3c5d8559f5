"""A refund between banks gives back a payment that settled, the other way round, in parts."""

from __future__ import annotations

from typing import Any

import pytest

from central_bank.registration.settlement import OutboundPayment
from currency.number import make
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from tests.central_bank.returning import returned
from tests.central_bank.system import System
from tests.feeds import payment_in, told

SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
REFUSED = registration_pb2.OUTCOME_STATE_REFUSED
NOTHING = errors_pb2.REASON_NOTHING_TO_RETURN


@pytest.fixture
def paid(system: System) -> OutboundPayment:
    """300 fen from alpha to beta, settled."""
    system.issue(system.alpha, 1_000)
    payment = system.payment(system.alpha, system.beta, 300)
    assert [one.state for one in system.submit(system.alpha, payment)] == [SETTLED]
    return payment


def refund(system: System, old: OutboundPayment, fen: int, **changes: Any) -> OutboundPayment:
    """Beta's refund of a payment of alpha."""
    fields = {"refunds_payment_id": old.payment_id, "refunds_number": old.number, **changes}
    return system.payment(system.beta, system.alpha, fen, **fields)


def outcome(system: System, payment: OutboundPayment) -> tuple[int, int]:
    [one] = system.submit(system.beta, payment)
    return one.state, one.reason


def test_parts_settle_and_the_feed_names_what_they_refund(
    system: System, paid: OutboundPayment
) -> None:
    for fen in (100, 200):
        assert outcome(system, refund(system, paid, fen)) == (SETTLED, 0)
    assert system.books() == {"alpha": (0, 1_000), "beta": (0, 0)}
    came = [one for one in told(system.central, system.alpha, 0) if one.HasField("incoming")]
    assert {payment_in(one.incoming).refunds_payment_id for one in came} == {paid.payment_id}


def test_its_payee_need_not_be_able_to_take_it(system: System, paid: OutboundPayment) -> None:
    system.banks.reasons[make("6201", 1)] = errors_pb2.REASON_PAYEE_CANNOT_BE_PAID
    asked = list(system.banks.asked)
    assert outcome(system, refund(system, paid, 300)) == (SETTLED, 0)
    assert system.banks.asked == asked


def test_what_refunds_nothing_that_settled_is_refused(
    system: System, paid: OutboundPayment
) -> None:
    other = f"{make('6201', 1)}-9"
    back = refund(system, paid, 50)
    assert outcome(system, back) == (SETTLED, 0)
    for wrong in (
        refund(system, paid, 301),
        refund(system, paid, 1, refunds_number=99),
        refund(system, paid, 1, refunds_payment_id=other),
        refund(system, paid, 1, payer_number=make("6202", 2), payment_id=f"{make('6202', 2)}-1"),
    ):
        assert outcome(system, wrong) == (REFUSED, NOTHING)
    of_a_refund = system.payment(
        system.alpha, system.beta, 1, refunds_payment_id=back.payment_id, refunds_number=back.number
    )
    [one] = system.submit(system.alpha, of_a_refund)
    assert (one.state, one.reason) == (REFUSED, NOTHING)
    assert system.books() == {"alpha": (0, 750), "beta": (0, 250)}


def test_a_refund_is_not_returned(system: System, paid: OutboundPayment) -> None:
    back = refund(system, paid, 50)
    assert outcome(system, back) == (SETTLED, 0)
    again = returned(system, back, 70, payment_id="alpha-return-70")
    [one] = system.submit(system.alpha, again)
    assert (one.state, one.reason) == (REFUSED, NOTHING)


def test_a_return_is_not_refunded(system: System, paid: OutboundPayment) -> None:
    back = returned(system, paid, 70)
    assert outcome(system, back) == (SETTLED, 0)
    of_a_return = system.payment(
        system.alpha, system.beta, 1, refunds_payment_id=back.payment_id, refunds_number=back.number
    )
    of_a_return.refunds_payment_id = f"{of_a_return.payee_number}-70"
    [one] = system.submit(system.alpha, of_a_return)
    assert (one.state, one.reason) == (REFUSED, NOTHING)
