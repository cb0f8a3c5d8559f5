"""The checker of histories notices each way in which databases may differ from what was told."""

from __future__ import annotations

import pytest

from tests.integration.histories import (
    Call,
    Kept,
    Outcome,
    Payment,
    contradictions,
    service,
)

pytestmark = pytest.mark.any_database

FIRST, SECOND = Payment("6201", 1, "6202", 5), Payment("6201", 2, "6202", 7)
SETTLED, UNPAID, UNKNOWN = Outcome.SETTLED, Outcome.UNPAID, Outcome.UNKNOWN
Found = dict[tuple[str, int], list[Kept]]


def call(payment: Payment, outcome: Outcome, began_s: float = 0.0, ended_s: float = 0.1) -> Call:
    return Call(payment, began_s, ended_s, outcome)


def row(position: int, payment: Payment, *, settled: bool = True) -> Kept:
    return Kept(position, payment.amount_fen, settled)


@pytest.mark.parametrize(
    ("outcomes", "rows"),
    [
        ([SETTLED], [row(1, FIRST)]),
        ([UNKNOWN, SETTLED], [row(1, FIRST)]),
        ([UNPAID], []),
        ([UNPAID], [row(1, FIRST, settled=False)]),
        ([UNKNOWN], []),
        ([UNKNOWN], [row(1, FIRST)]),
    ],
)
def test_what_agrees(outcomes: list[Outcome], rows: list[Kept]) -> None:
    calls = [call(FIRST, outcome) for outcome in outcomes]
    assert contradictions(calls, {("6201", 1): rows}) == []


@pytest.mark.parametrize(
    ("outcomes", "rows", "said"),
    [
        ([SETTLED], [], "is lost"),
        ([SETTLED], [row(1, FIRST, settled=False)], "is lost"),
        ([UNKNOWN, SETTLED], [row(1, FIRST), row(2, FIRST)], "paid 2 times"),
        ([UNKNOWN], [row(1, FIRST), row(2, FIRST)], "paid 2 times"),
        ([UNPAID], [row(1, FIRST)], "told as not paid and is paid"),
        ([SETTLED, UNPAID], [row(1, FIRST)], "as settled and as not paid"),
        ([SETTLED], [row(1, SECOND)], "another amount"),
    ],
)
def test_what_does_not(outcomes: list[Outcome], rows: list[Kept], said: str) -> None:
    calls = [call(FIRST, outcome) for outcome in outcomes]
    problems = contradictions(calls, {("6201", 1): rows})
    assert any(said in problem for problem in problems), problems


def test_what_nobody_asked_for() -> None:
    found: Found = {("6201", 1): [row(1, FIRST)], ("6201", 9): [row(2, FIRST)]}
    assert contradictions([call(FIRST, SETTLED)], found) == [
        "payment 6201-9 was asked for by nobody"
    ]
    # Wallets that do not pay here may do what they like.
    assert contradictions([call(FIRST, SETTLED)], {**found, ("6203", 1): []})[1:] == []


def test_what_is_out_of_order() -> None:
    calls = [call(FIRST, SETTLED), call(SECOND, SETTLED)]
    found: Found = {("6201", 1): [row(8, FIRST)], ("6201", 2): [row(3, SECOND)]}
    assert contradictions(calls, found) == ["payment 6201-2 comes before 1 of its payer"]


def test_a_service_is_interrupted_while_nothing_comes_through() -> None:
    calls = [
        call(FIRST, SETTLED, 0.0, 0.5),
        call(SECOND, UNKNOWN, 0.6, 3.0),
        call(SECOND, SETTLED, 3.1, 4.5),
        call(Payment("6203", 1, "6201", 1), UNPAID, 4.5, 4.6),
    ]
    found = service(calls)
    assert (found.settled, found.unpaid, found.unknown_calls) == (2, 1, 1)
    assert found.seconds == 4.6 and found.interruptions_s == (4.0,)
    assert found.availability == pytest.approx(0.6 / 4.6)


def test_a_service_that_does_not_come_back_is_interrupted_to_the_end() -> None:
    found = service([call(FIRST, SETTLED, 0.0, 0.5), call(SECOND, UNKNOWN, 0.6, 60.5)])
    assert found.interruptions_s == (60.0,)
    assert found.availability == pytest.approx(0.5 / 60.5)
