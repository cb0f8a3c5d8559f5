"""The rule at its edges: caps, holds, the last account, how far below zero."""

from __future__ import annotations

import numpy as np
import pytest

from settlement import state as state_module
from settlement.limits import (
    MAX_ACCOUNT_HOLDS,
    MAX_ACCOUNTS,
    MAX_AMOUNT_FEN,
    MAX_DEBT_FEN,
    MAX_LIMIT_SETS,
)
from settlement.records import (
    LIMIT_SET_SHIFT,
    AccountFlag,
    Kind,
    Limit,
    RecordFlag,
    Records,
    Result,
)
from settlement.rule import MAX_CHAIN
from settlement.state import State
from tests.settlement.books import ALICE, BANK, BOB, CAROL, opening, record, transfer

CAP = 5_000
LINKED = RecordFlag.LINKED


def state(policy: int = 1, flags: int = 0) -> State:
    """A bank below zero, and three with 2,000 fen; class 1 may hold 5,000."""
    made = State.empty()
    setup = [
        opening(BANK, flags=AccountFlag.MAY_GO_NEGATIVE),
        *(opening(n, policy=policy, flags=flags) for n in (ALICE, BOB, CAROL)),
        *(transfer(BANK, n, 2_000, n) for n in (ALICE, BOB, CAROL)),
        record(Kind.SET_LIMIT, credit=1, ref=Limit.BALANCE_CAP, amount_fen=CAP),
    ]
    assert not made.apply(np.concatenate(setup))[0].any()
    return made


def holds(count: int, first: int, account: int = ALICE) -> Records:
    """An account's money is held, so many times one fen."""
    made = np.repeat(record(Kind.HOLD, origin=account, debit=account, amount_fen=1), count)
    made["sequence"] = np.arange(first, first + count)
    return made


def ended(kind: Kind, ref: int, sequence: int, account: int = ALICE) -> Records:
    """The bank ends a hold of one fen."""
    return record(
        kind, origin=BANK, debit=account, credit=BANK, amount_fen=1, ref=int(ref), sequence=sequence
    )


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("held", [0, 1, 2_000])
def test_money_that_is_held_counts_towards_the_cap(held: int, over: int) -> None:
    made = state()
    if held:
        made.apply(record(Kind.HOLD, origin=BOB, debit=BOB, amount_fen=held, sequence=1))
    results, _ = made.apply(transfer(BANK, BOB, 3_000 + over, 90))
    assert results[0] == (Result.OVER_BALANCE_CAP if over else Result.ACCEPTED)


@pytest.mark.parametrize("over", [0, 1])
def test_a_capture_keeps_to_the_cap_of_who_gets_it(over: int) -> None:
    made = state()
    made.apply(transfer(BANK, BOB, 2_000 + over, 90))
    _, details = made.apply(
        record(Kind.HOLD, origin=ALICE, debit=ALICE, amount_fen=1_000, sequence=1)
    )
    capture = record(
        Kind.CAPTURE, origin=BANK, debit=ALICE, credit=BOB, amount_fen=1_000,
        ref=int(details[0]), sequence=91,
    )  # fmt: skip
    assert made.apply(capture)[0][0] == (Result.OVER_BALANCE_CAP if over else Result.ACCEPTED)


def test_an_account_has_so_many_holds_and_no_more() -> None:
    made = state()
    results, details = made.apply(holds(MAX_ACCOUNT_HOLDS + 1, 1))
    assert not results[:-1].any()
    assert results[-1] == Result.TOO_MANY_HOLDS
    assert details[:-1].all() and details[-1] == 0
    assert made.accounts[ALICE]["held_fen"] == MAX_ACCOUNT_HOLDS
    assert made.apply(holds(1, 1, BOB))[0][0] == Result.ACCEPTED, "it is nobody else's bound"
    for number, kind in enumerate((Kind.RELEASE, Kind.CAPTURE)):
        assert made.apply(ended(kind, details[number], 90 + number))[0][0] == Result.ACCEPTED
        one, more = made.apply(holds(2, 2_000 + 10 * number))[0]
        assert (one, more) == (Result.ACCEPTED, Result.TOO_MANY_HOLDS)


def test_a_hold_that_was_not_ended_makes_no_room() -> None:
    made = state()
    _, details = made.apply(holds(MAX_ACCOUNT_HOLDS, 1))
    wrong = np.repeat(ended(Kind.RELEASE, details[0], 0), 5)
    wrong["sequence"] = np.arange(90, 95)
    wrong["amount_fen"][0], wrong["debit"][1] = 2, BOB  # one fen is held
    beyond = len(made.holds)
    wrong["ref"][2:] = [beyond | 1 << 32, 0xFFFFFFFF | 1 << 32, details[0] + np.uint64(1 << 32)]
    mismatch, unknown = Result.HOLD_MISMATCH, Result.HOLD_UNKNOWN
    assert made.apply(wrong)[0].tolist() == [mismatch, mismatch, unknown, unknown, unknown]
    assert made.apply(holds(1, 3_000))[0][0] == Result.TOO_MANY_HOLDS


def test_an_account_of_the_services_own_may_be_opened_without_that_bound() -> None:
    made = state(flags=AccountFlag.MANY_HOLDS)
    freeze = record(Kind.SET_FLAGS, credit=ALICE, ref=AccountFlag.FROZEN)
    thaw = record(Kind.SET_FLAGS, credit=ALICE, ref=0)
    made.apply(np.concatenate([freeze, thaw]))
    assert not made.apply(holds(MAX_ACCOUNT_HOLDS + 1, 1))[0].any()


def test_nobody_becomes_exempt_by_being_frozen() -> None:
    made = state()
    made.apply(record(Kind.SET_FLAGS, credit=ALICE, ref=AccountFlag.MANY_HOLDS))
    assert made.apply(holds(MAX_ACCOUNT_HOLDS + 1, 1))[0][-1] == Result.TOO_MANY_HOLDS


def test_a_chain_that_fails_gives_its_holds_back() -> None:
    made = state()
    _, details = made.apply(holds(MAX_ACCOUNT_HOLDS - 1, 1))
    held = holds(1, 0)
    ending = ended(Kind.RELEASE, details[0], 0)
    for one in (held, ending):
        one["flags"] = LINKED
    last = transfer(ALICE, 900, 1, 0)
    for sequence, chain in enumerate(([held, last], [ending, last], [held, ending, last]), 2_000):
        batch = np.concatenate(chain)
        batch["origin"], batch["sequence"][0] = ALICE, sequence
        assert made.apply(batch)[0][0] == Result.CREDIT_UNKNOWN
        assert made.accounts[ALICE]["open_holds"] == MAX_ACCOUNT_HOLDS - 1
    results, _ = made.apply(holds(2, 3_000))
    assert results.tolist() == [Result.ACCEPTED, Result.TOO_MANY_HOLDS]


def test_when_all_places_for_holds_are_taken_the_next_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state_module, "MAX_HOLDS", 2_048)
    made = state(flags=AccountFlag.MANY_HOLDS)
    results, details = made.apply(np.concatenate([holds(1_500, 1), holds(549, 1, BOB)]))
    assert not results[:-1].any()
    assert results[-1] == Result.TOO_MANY_HOLDS
    made.apply(ended(Kind.RELEASE, details[0], 90))
    one_place = [Result.ACCEPTED, Result.TOO_MANY_HOLDS]
    assert made.apply(holds(2, 900, CAROL))[0].tolist() == one_place


def test_the_account_after_the_last_one_is_nobody() -> None:
    made = state()
    beyond = len(made.accounts)
    last = beyond - 1
    made.apply(opening(last, policy=1))
    assert len(made.accounts) == beyond, "or this would test nothing"
    assert made.apply(transfer(ALICE, last, 1, 1))[0][0] == Result.ACCEPTED
    assert made.apply(transfer(ALICE, beyond, 1, 2))[0][0] == Result.CREDIT_UNKNOWN
    from_beyond = record(
        Kind.TRANSFER, origin=ALICE, debit=beyond, credit=BOB, amount_fen=1, sequence=3
    )
    assert made.apply(from_beyond)[0][0] == Result.DEBIT_UNKNOWN
    by_beyond = record(
        Kind.TRANSFER, origin=beyond, debit=ALICE, credit=BOB, amount_fen=1, sequence=4
    )
    assert made.apply(by_beyond)[0][0] == Result.MALFORMED
    fallback = record(
        Kind.DELIVER, origin=BANK, debit=BANK, credit=BOB, amount_fen=1, ref=beyond, sequence=90
    )
    assert made.apply(fallback)[0][0] == Result.CREDIT_UNKNOWN
    for kind in (Kind.SET_FLAGS, Kind.SET_LIMIT_SET):
        assert made.apply(record(kind, credit=beyond))[0][0] == Result.CREDIT_UNKNOWN


@pytest.mark.parametrize("number", [MAX_ACCOUNTS, MAX_ACCOUNTS + 1, 2**32 - 1])
def test_an_account_beyond_the_most_is_not_opened(number: int) -> None:
    made = state()
    assert made.apply(opening(number))[0][0] == Result.CREDIT_UNKNOWN
    assert len(made.accounts) == 1_024


def test_no_account_goes_further_below_zero_than_a_ledger_can_add_up() -> None:
    made = state()
    made.apply(opening(7))
    made.accounts[BANK]["available_fen"] = -MAX_DEBT_FEN + MAX_AMOUNT_FEN - 1
    results, _ = made.apply(transfer(BANK, 7, MAX_AMOUNT_FEN, 90))
    assert results[0] == Result.INSUFFICIENT_FUNDS
    results, _ = made.apply(transfer(BANK, 7, MAX_AMOUNT_FEN - 1, 91))
    assert results[0] == Result.ACCEPTED
    assert made.accounts[BANK]["available_fen"] == -MAX_DEBT_FEN


@pytest.mark.parametrize("sequence", [1 << 63, (1 << 64) - 1])
def test_a_sequence_beyond_what_can_be_counted_is_malformed(sequence: int) -> None:
    made = state()
    paying = transfer(ALICE, BOB, 1, 1)
    paying["sequence"] = np.uint64(sequence)
    assert made.apply(paying)[0][0] == Result.MALFORMED
    assert made.accounts[ALICE]["last_sequence"] == 0


@pytest.mark.parametrize(
    ("row", "column"),
    [(0, 2), (MAX_LIMIT_SETS, 2), (2**32 - 1, 2), (1, len(Limit)), (1, 2**64 - 1)],
)
def test_a_policy_for_no_class_or_limit_is_malformed(row: int, column: int) -> None:
    made = state()
    before = made.policies.copy()
    limit = record(Kind.SET_LIMIT, credit=row, ref=column, amount_fen=1)
    assert made.apply(limit)[0][0] == Result.MALFORMED
    assert (made.policies == before).all()


@pytest.mark.parametrize("row", [1, 4, MAX_LIMIT_SETS - 1])
def test_each_class_has_limits_of_its_own(row: int) -> None:
    made = state()
    expected = made.policies.copy()
    expected[row, Limit.DAY] = 77
    limit = record(Kind.SET_LIMIT, credit=row, ref=Limit.DAY, amount_fen=77)
    assert made.apply(limit)[0][0] == Result.ACCEPTED
    assert (made.policies == expected).all()


@pytest.mark.parametrize("fen", [-1, -2, -(2**63)])
def test_no_limit_is_below_zero(fen: int) -> None:
    made = state()
    before = made.policies.copy()
    limit = record(Kind.SET_LIMIT, credit=1, ref=Limit.DAY, amount_fen=fen)
    assert made.apply(limit)[0][0] == Result.AMOUNT_INVALID
    assert (made.policies == before).all()


@pytest.mark.parametrize("ledger", [1, 2, 255])
def test_an_account_is_opened_in_the_ledger_that_was_named(ledger: int) -> None:
    made = state()
    made.apply(opening(9, policy=15, ledger=ledger))
    assert (made.accounts[9]["ledger"], made.accounts[9]["limit_set"]) == (ledger, 15)


@pytest.mark.parametrize("kind", [Kind.SET_FLAGS, Kind.SET_LIMIT_SET])
def test_nothing_is_set_of_an_account_that_was_not_opened(kind: Kind) -> None:
    made = state()
    before = made.accounts.tobytes()
    assert made.apply(record(kind, credit=9, ref=2))[0][0] == Result.CREDIT_UNKNOWN
    assert made.accounts.tobytes() == before


@pytest.mark.parametrize("kind", [Kind.OPEN, Kind.SET_LIMIT_SET])
def test_there_is_no_class_beyond_the_table(kind: Kind) -> None:
    made = state()
    number = 9 if kind == Kind.OPEN else ALICE
    shift = LIMIT_SET_SHIFT if kind == Kind.OPEN else 0
    answers = [
        made.apply(record(kind, credit=number, ref=limit_set << shift))[0][0]
        for limit_set in (MAX_LIMIT_SETS, (1 << 64 - shift) - 1, MAX_LIMIT_SETS - 1)
    ]
    assert answers == [Result.MALFORMED, Result.MALFORMED, Result.ACCEPTED]
    assert made.accounts[number]["limit_set"] == MAX_LIMIT_SETS - 1


def test_a_closed_account_stays_closed() -> None:
    made = state()
    made.apply(opening(9))
    for flags in (AccountFlag.CLOSED, 0, AccountFlag.FROZEN):
        made.apply(record(Kind.SET_FLAGS, credit=9, ref=flags))
    assert made.apply(transfer(ALICE, 9, 1, 1))[0][0] == Result.CREDIT_CLOSED


def test_an_account_whose_money_is_all_held_is_not_closed() -> None:
    made = state()
    held = record(Kind.HOLD, origin=ALICE, debit=ALICE, amount_fen=2_000, sequence=1)
    closing = record(Kind.SET_FLAGS, credit=ALICE, ref=AccountFlag.CLOSED)
    assert made.apply(np.concatenate([held, closing]))[0].tolist() == [0, Result.NOT_EMPTY]


@pytest.mark.parametrize("over", [0, 1])
def test_a_chain_is_no_longer_than_it_may_be(over: int) -> None:
    made = state()
    chain = np.repeat(transfer(ALICE, BOB, 1, 0), MAX_CHAIN + over)
    chain["sequence"][0], chain["flags"][:-1] = 1, LINKED
    expected = [Result.ACCEPTED] * MAX_CHAIN
    if over:
        expected = [Result.MALFORMED] + [Result.LINKED_FAILED] * MAX_CHAIN
    before = np.concatenate([transfer(BOB, ALICE, 1, one) for one in range(1, MAX_CHAIN)])
    results = made.apply(np.concatenate([before, chain]))[0].tolist()
    assert results == [Result.ACCEPTED] * len(before) + expected
