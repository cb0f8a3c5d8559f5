"""How a bank is told what became of its payment, and for how long what it signs is good."""

from __future__ import annotations

import pytest

from central_bank.limits import CLOCK_SKEW_MS
from central_bank.registration.settlement import check_window, digest, outcome_of
from dcep.errors.v1 import errors_pb2 as errors
from dcep.registration.v1 import registration_pb2 as registration
from settlement.records import Result
from tests.central_bank.system import System
from tests.refusals import refused

NOW_MS, LONGEST_MS = 1_764_000_000_000, 60_000
SETTLED = registration.OUTCOME_STATE_SETTLED
REFUSED = registration.OUTCOME_STATE_REFUSED
CANNOT = errors.REASON_PAYEE_CANNOT_BE_PAID
ENDS = {
    Result.ACCEPTED: (SETTLED, 0),
    Result.UNDELIVERABLE: (SETTLED, 0),
    Result.EXPIRED: (registration.OUTCOME_STATE_EXPIRED, errors.REASON_EXPIRED),
    Result.INSUFFICIENT_FUNDS: (REFUSED, errors.REASON_CIRCULATION_SHORT),
    Result.ID_REUSED: (REFUSED, errors.REASON_ID_REUSED),
}


@pytest.mark.parametrize("result", Result, ids=lambda result: result.name)
def test_each_answer_of_the_rule_has_one_end(result: Result) -> None:
    assert outcome_of(result, 0) == ENDS.get(result, (REFUSED, CANNOT))


def test_what_a_bank_said_against_its_payee_is_passed_on() -> None:
    told = outcome_of(Result.REFUSED_UPSTREAM, errors.REASON_BANK_SUSPENDED)
    assert told == (REFUSED, errors.REASON_BANK_SUSPENDED)


@pytest.mark.parametrize("created_ms", [NOW_MS + CLOCK_SKEW_MS, NOW_MS, NOW_MS - LONGEST_MS])
def test_what_is_fresh_is_taken_to_its_last_moment(created_ms: int) -> None:
    for expires_ms in (max(created_ms, NOW_MS), created_ms + LONGEST_MS):
        check_window(created_ms, expires_ms, NOW_MS, LONGEST_MS)


@pytest.mark.parametrize(
    ("created_ms", "expires_ms", "expected"),
    [
        (NOW_MS + CLOCK_SKEW_MS + 1, NOW_MS + LONGEST_MS, ("NOT_YET_VALID", "created_time_ms")),
        (NOW_MS - 10, NOW_MS - 1, ("EXPIRED", "expires_time_ms")),
        (NOW_MS, NOW_MS + LONGEST_MS + 1, ("VALIDITY_TOO_LONG", "expires_time_ms")),
    ],
)
def test_what_is_not_is_refused_a_moment_later(
    created_ms: int, expires_ms: int, expected: tuple[str, str]
) -> None:
    assert refused(lambda: check_window(created_ms, expires_ms, NOW_MS, LONGEST_MS)) == expected


def test_a_record_names_what_it_carries_by_eight_bytes() -> None:
    # The first of SHA-256 of nothing, e3b0c44298fc1c14…, the lowest byte first.
    assert digest(b"") == 0x141CFC9842C4B0E3


def test_a_payment_that_was_refused_meanwhile_is_told_so_and_not_that_its_number_is_used(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.issue(system.alpha, 1_000)
    payment = system.payment(system.alpha, system.beta, 300)
    system.banks.reasons[payment.payee_number] = CANNOT
    [first] = system.submit(system.alpha, payment)
    del system.banks.reasons[payment.payee_number]
    system.see_no_ends(monkeypatch)
    [again] = system.submit(system.alpha, payment)
    assert (first.state, first.reason) == (again.state, again.reason) == (REFUSED, CANNOT)
    assert system.books() == {"alpha": (0, 1_000), "beta": (0, 0)}
