"""Whose a payment is: its payer is the bank's own, and a return gives back what settled."""

from __future__ import annotations

from typing import Any

import pytest

from central_bank.limits import CLOCK_SKEW_MS, MAX_AHEAD_MS, MAX_PAYMENT_VALIDITY_MS
from central_bank.registration.settlement import OutboundPayment
from currency.number import make
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from tests.central_bank.returning import returned
from tests.central_bank.system import System
from tests.feeds import told
from tests.refusals import refused

SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
REFUSED = registration_pb2.OUTCOME_STATE_REFUSED
PENDING = registration_pb2.OUTCOME_STATE_PENDING
NOTHING = errors_pb2.REASON_NOTHING_TO_RETURN
DAY_MS = 24 * 3_600_000


@pytest.fixture
def funded(system: System) -> System:
    """Alpha and beta have 1,000 fen each in circulation."""
    system.issue(system.alpha, 1_000)
    system.issue(system.beta, 1_000)
    return system


def refused_payment(system: System, payment: OutboundPayment) -> tuple[str, str]:
    """Why a payment is refused, and its field that is named; nothing moves."""
    reason, field = refused(system.submit, system.alpha, payment)
    assert system.books() == {"alpha": (0, 1_000), "beta": (0, 1_000)}
    return reason, field.removeprefix("payments[0].")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"payer_number": make("6202", 1)}, "payer_number"),
        ({"payer_number": make("9999", 1)}, "payer_number"),
        ({"payment_id": f"{make('6201', 2)}-1"}, "payment_id"),
        ({"payment_id": f"{make('6201', 1)}-"}, "payment_id"),
        ({"payment_id": f"{make('6201', 1)}-01"}, "payment_id"),
        ({"payment_id": f"{make('6201', 1)}-1x"}, "payment_id"),
        ({"payment_id": f"{make('6201', 1)}-{10**16}"}, "payment_id"),
        ({"payment_id": "alpha-return-1"}, "payment_id"),
        ({"returns_payment_id": f"{make('6202', 1)}-1"}, "returns_number"),
        ({"returns_number": 1}, "returns_number"),
        ({"refunds_number": 1}, "refunds_number"),
        ({"refunds_payment_id": f"{make('6202', 1)}-1"}, "refunds_number"),
        ({"refunds_number": 1, "refunds_payment_id": f"{make('6202', 2)}-1"}, "refunds_payment_id"),
        (
            {
                "returns_number": 1,
                "returns_payment_id": f"{make('6202', 1)}-1",
                "refunds_number": 1,
                "refunds_payment_id": f"{make('6202', 1)}-1",
            },
            "refunds_number",
        ),
        ({"returns_number": 1, "returns_payment_id": f"{make('6202', 1)}-1"}, "payment_id"),
        (
            {
                "payment_id": "beta-return-1",
                "returns_number": 1,
                "returns_payment_id": f"{make('6202', 1)}-1",
            },
            "payment_id",
        ),
        (
            {
                "payment_id": "alpha-return-1",
                "returns_number": 1 << 53,
                "returns_payment_id": f"{make('6202', 1)}-1",
            },
            "returns_number",
        ),
    ],
)
def test_a_bank_pays_for_its_own_wallets_alone_under_their_own_ids(
    funded: System, changes: dict[str, Any], field: str
) -> None:
    payment = funded.payment(funded.alpha, funded.beta, 1, **changes)
    assert refused_payment(funded, payment) == ("FIELD_INVALID", field)


def test_a_payment_is_good_for_no_longer_than_an_order(funded: System) -> None:
    now_ms = funded.clock.now_ms()
    for created_ms in (now_ms, now_ms - DAY_MS, 1):
        times = {
            "created_time_ms": created_ms,
            "expires_time_ms": created_ms + MAX_PAYMENT_VALIDITY_MS + 1,
        }
        payment = funded.payment(funded.alpha, funded.beta, 1, **times)
        assert refused_payment(funded, payment) == ("VALIDITY_TOO_LONG", "expires_time_ms")


def test_a_payment_that_is_not_yet_made_waits_until_its_time(funded: System) -> None:
    now_ms = funded.clock.now_ms()
    times = {
        "created_time_ms": now_ms + MAX_AHEAD_MS + 1,
        "expires_time_ms": now_ms + DAY_MS,
    }
    payment = funded.payment(funded.alpha, funded.beta, 1, **times)
    assert [o.state for o in funded.submit(funded.alpha, payment)] == [PENDING]
    assert funded.banks.asked == []
    funded.clock.advance(1)
    assert [o.state for o in funded.submit(funded.alpha, payment)] == [SETTLED]
    assert MAX_AHEAD_MS == 2 * CLOCK_SKEW_MS


# Returns


@pytest.fixture
def paid(funded: System) -> OutboundPayment:
    """300 fen from alpha to beta, settled."""
    payment = funded.payment(funded.alpha, funded.beta, 300)
    assert [o.state for o in funded.submit(funded.alpha, payment)] == [SETTLED]
    return payment


def states(system: System, *payments: OutboundPayment) -> list[tuple[int, int]]:
    return [(o.state, o.reason) for o in system.submit(system.beta, *payments)]


def test_a_payment_is_given_back_once(funded: System, paid: OutboundPayment) -> None:
    first = returned(funded, paid, 71)
    for _ in range(2):
        assert states(funded, first) == [(SETTLED, 0)]
    second = returned(funded, paid, 72)
    assert states(funded, second) == [(REFUSED, NOTHING)]
    funded.restart()
    assert states(funded, first, second) == [(SETTLED, 0), (REFUSED, NOTHING)]
    assert states(funded, returned(funded, paid, 73)) == [(REFUSED, NOTHING)]
    assert funded.books() == {"alpha": (0, 1_000), "beta": (0, 1_000)}


def test_of_two_returns_in_one_batch_one_settles(funded: System, paid: OutboundPayment) -> None:
    twice = [returned(funded, paid, number) for number in (71, 72)]
    assert states(funded, *twice) == [(SETTLED, 0), (REFUSED, NOTHING)]
    assert funded.books() == {"alpha": (0, 1_000), "beta": (0, 1_000)}


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_fen": 299},
        {"amount_fen": 301},
        {"payee_number": make("6201", 2)},
        {"payer_number": make("6202", 2)},
        {"returns_payment_id": f"{make('6201', 1)}-99"},
        {"returns_number": 99},
    ],
)
def test_a_return_is_the_payment_the_other_way_round(
    funded: System, paid: OutboundPayment, changes: dict[str, Any]
) -> None:
    assert states(funded, returned(funded, paid, 71, **changes)) == [(REFUSED, NOTHING)]
    assert states(funded, returned(funded, paid, 72)) == [(SETTLED, 0)]


def test_what_never_settled_is_not_given_back(funded: System) -> None:
    payment = funded.payment(funded.alpha, funded.beta, 300)
    funded.banks.reasons[payment.payee_number] = errors_pb2.REASON_PAYEE_FROZEN
    assert [o.state for o in funded.submit(funded.alpha, payment)] == [REFUSED]
    assert states(funded, returned(funded, payment, 71)) == [(REFUSED, NOTHING)]


def test_a_return_is_not_given_back_in_turn(funded: System, paid: OutboundPayment) -> None:
    back = returned(funded, paid, 71)
    assert states(funded, back) == [(SETTLED, 0)]
    again = returned(funded, back, 50, payment_id="alpha-return-50")
    assert [(o.state, o.reason) for o in funded.submit(funded.alpha, again)] == [(REFUSED, NOTHING)]


def test_a_return_that_was_refused_uses_nothing_up(funded: System, paid: OutboundPayment) -> None:
    late = returned(funded, paid, 71, created_time_ms=1, expires_time_ms=2)
    assert [state for state, _ in states(funded, late)] == [registration_pb2.OUTCOME_STATE_EXPIRED]
    assert states(funded, returned(funded, paid, 72)) == [(SETTLED, 0)]


def test_the_feed_tells_a_bank_why_its_return_ended(funded: System, paid: OutboundPayment) -> None:
    states(funded, returned(funded, paid, 71, amount_fen=1))
    ended = told(funded.central, funded.beta)[-1].outgoing_ended
    assert (ended.number, ended.reason) == (71, NOTHING)
