"""Every refusal is the first reason in the order of `Result`, whatever else is wrong as well."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from settlement.records import AccountFlag, Accounts, Kind, Limit, Records, Result
from settlement.state import State
from tests.settlement.books import BANK, NOON_MS, opening, record, transfer

PAYER, PAYEE, OTHER, NOBODY = 1, 2, 3, 500
FEN, PAID_BEFORE, FUNDS, CAP = 100, 10, 1_000, 5_000
DAY_MS = 86_400_000

PAYER_STATES = {
    "open": set[Result](),
    "frozen": {Result.DEBIT_FROZEN},
    "closed": {Result.DEBIT_CLOSED, Result.INSUFFICIENT_FUNDS},
}
PAYEES = {
    "open": set[Result](),
    "nobody": {Result.CREDIT_UNKNOWN},
    "in another ledger": {Result.LEDGER_MISMATCH},
    "frozen": {Result.CREDIT_FROZEN},
    "closed": {Result.CREDIT_CLOSED},
    "full": {Result.OVER_BALANCE_CAP},
    "full and frozen": {Result.CREDIT_FROZEN, Result.OVER_BALANCE_CAP},
}
OVER = {Limit.SINGLE: Result.OVER_SINGLE_LIMIT, Limit.DAY: Result.OVER_DAY_LIMIT,
        Limit.YEAR: Result.OVER_YEAR_LIMIT}  # fmt: skip
WRONG: list[tuple[Result | str, ...]] = [
    some for n in range(5) for some in itertools.combinations([*OVER.values(), "poor"], n)
]


def prepared(payer: str, payee: str, wrong: tuple[Result | str, ...]) -> State:
    """A payer, who has paid a little today, and a payee, of whom these things are true."""
    state = State.empty()
    funds = FEN - 1 + PAID_BEFORE if "poor" in wrong else FUNDS
    setup = [
        opening(BANK, flags=AccountFlag.MAY_GO_NEGATIVE),
        opening(PAYER, policy=1),
        opening(PAYEE, policy=2),
        opening(OTHER, ledger=2),
        record(Kind.SET_LIMIT, credit=2, ref=Limit.BALANCE_CAP, amount_fen=CAP),
        transfer(BANK, PAYER, funds, 1),
        transfer(PAYER, BANK, PAID_BEFORE, 1),
    ]
    if "full" in payee:
        setup.append(transfer(BANK, PAYEE, CAP - FEN + 1, 2))
    if "frozen" in payee:
        setup.append(record(Kind.SET_FLAGS, credit=PAYEE, ref=AccountFlag.FROZEN))
    if payee == "closed":
        setup.append(record(Kind.SET_FLAGS, credit=PAYEE, ref=AccountFlag.CLOSED))
    if payer == "closed":
        setup += [
            transfer(PAYER, BANK, funds - PAID_BEFORE, 2),
            record(Kind.SET_FLAGS, credit=PAYER, ref=AccountFlag.CLOSED),
        ]
    if payer == "frozen":
        setup.append(record(Kind.SET_FLAGS, credit=PAYER, ref=AccountFlag.FROZEN))
    spent = funds if payer == "closed" else PAID_BEFORE
    for limit, over in OVER.items():
        before = 0 if limit == Limit.SINGLE else spent
        fen = FEN + before - (1 if over in wrong else 0)
        setup.append(record(Kind.SET_LIMIT, credit=1, ref=limit, amount_fen=fen))
    results, _ = state.apply(np.concatenate(setup))
    assert not results.any()
    return state


def reasons(payer: str, payee: str, wrong: tuple[Result | str, ...]) -> set[Result]:
    """All that stands against a payment."""
    found = PAYER_STATES[payer] | PAYEES[payee] | {one for one in wrong if isinstance(one, Result)}
    return found | ({Result.INSUFFICIENT_FUNDS} if "poor" in wrong else set())


def to(payee: str) -> int:
    """The account that a payee of this kind has."""
    return {"nobody": NOBODY, "in another ledger": OTHER}.get(payee, PAYEE)


def without_identity(state: State) -> Accounts:
    """All accounts, but for which sequences were seen."""
    accounts = state.accounts.copy()
    accounts["last_sequence"] = accounts["seen"] = 0
    return accounts


@pytest.mark.parametrize("payer", PAYER_STATES)
@pytest.mark.parametrize("payee", PAYEES)
def test_a_payment_is_refused_for_the_first_reason_and_leaves_nothing(
    payer: str, payee: str
) -> None:
    for wrong in WRONG:
        state = prepared(payer, payee, wrong)
        before = without_identity(state).tobytes()
        results, _ = state.apply(transfer(PAYER, to(payee), FEN, 9))
        expected = min(reasons(payer, payee, wrong), default=Result.ACCEPTED)
        assert Result(int(results[0])) == expected, wrong
        assert (without_identity(state).tobytes() == before) == (expected != Result.ACCEPTED)


@pytest.mark.parametrize("payer", PAYER_STATES)
@pytest.mark.parametrize("full", [False, True])
def test_a_hold_is_refused_for_the_first_reason(payer: str, full: bool) -> None:
    for wrong in WRONG:
        state = prepared(payer, "open", wrong)
        state.accounts[PAYER]["open_holds"] = 1_024 if full else 1_023
        hold = record(Kind.HOLD, origin=PAYER, debit=PAYER, amount_fen=FEN, sequence=9)
        results, details = state.apply(hold)
        found = reasons(payer, "open", wrong) | ({Result.TOO_MANY_HOLDS} if full else set())
        assert Result(int(results[0])) == min(found, default=Result.ACCEPTED), wrong
        assert bool(details[0]) == (not found), "who holds nothing is given no reference"


@pytest.mark.parametrize("wrong", [one for one in WRONG if one], ids=str)
def test_who_cannot_pay_learns_nothing_about_any_payee(wrong: tuple[Result | str, ...]) -> None:
    answers = {
        int(prepared("open", payee, wrong).apply(transfer(PAYER, to(payee), FEN, 9))[0][0])
        for payee in PAYEES
    }
    assert answers == {int(min(reasons("open", "open", wrong)))}


def deliver(debit: int, credit: int, fallback: int) -> Records:
    """A delivery of 100 fen."""
    return record(
        Kind.DELIVER, origin=BANK, debit=debit, credit=credit, amount_fen=FEN, ref=fallback,
        sequence=9,
    )  # fmt: skip


@pytest.mark.parametrize("payee", PAYEES)
def test_a_delivery_that_its_payee_cannot_take_is_undeliverable(payee: str) -> None:
    state = prepared("open", payee, ())
    third = opening(7)
    results, _ = state.apply(np.concatenate([third, deliver(BANK, to(payee), 7)]))
    undeliverable = bool(PAYEES[payee])
    assert Result(int(results[1])) == (Result.UNDELIVERABLE if undeliverable else Result.ACCEPTED)
    assert state.accounts[7]["available_fen"] == (FEN if undeliverable else 0)


@pytest.mark.parametrize(
    ("debit", "credit", "fallback", "expected"),
    [
        (NOBODY, PAYEE, PAYEE, Result.DEBIT_UNKNOWN),
        (BANK, BANK, PAYEE, Result.SAME_ACCOUNT),
        (PAYEE, PAYER, BANK, Result.INSUFFICIENT_FUNDS),
        (BANK, PAYEE, NOBODY, Result.CREDIT_UNKNOWN),
        (BANK, PAYEE, OTHER, Result.LEDGER_MISMATCH),
        (BANK, NOBODY, BANK, Result.SAME_ACCOUNT),
        (BANK, PAYEE, BANK, Result.ACCEPTED),
    ],
)
def test_a_delivery_needs_a_payer_and_a_place_to_fall_back_on(
    debit: int, credit: int, fallback: int, expected: Result
) -> None:
    state = prepared("open", "open", ())
    results, _ = state.apply(deliver(debit, credit, fallback))
    assert Result(int(results[0])) == expected


def test_a_payment_that_its_payee_refuses_counts_against_no_limit() -> None:
    state = prepared("open", "frozen", ())
    state.apply(transfer(PAYER, PAYEE, FEN, 9))
    results, _ = state.apply(transfer(PAYER, BANK, FEN, 10))
    assert not results.any(), "the whole of the day's limit is still there"
    tomorrow = prepared("open", "frozen", ())
    tomorrow.apply(transfer(PAYER, PAYEE, FEN, 9, time_ms=NOON_MS + DAY_MS))
    results, _ = tomorrow.apply(transfer(PAYER, BANK, FEN, 10))
    assert not results.any(), "what was refused did not begin a day either"
