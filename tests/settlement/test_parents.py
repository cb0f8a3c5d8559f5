"""What an account under a parent spends counts against the limits of both, to the fen."""

from __future__ import annotations

import numpy as np
import pytest

from settlement.records import AccountFlag, Kind, Limit, RecordFlag, Records, Result
from settlement.state import State
from tests.settlement.books import NOON_MS, OTHER_LEDGER, opening, record, transfer
from tests.settlement.days import DAY_MS, MIDNIGHT_MS

BANK, PARENT, CHILD, SISTER, FREE_CHILD, STRANGER = 0, 1, 2, 3, 5, 6
OWN, PARENTS = 1, 2
"""Limit sets of a child and of the parent; FREE_CHILD has none of its own."""

NEVER = 10**9
OVER = {Limit.SINGLE: Result.OVER_SINGLE_LIMIT, Limit.DAY: Result.OVER_DAY_LIMIT,
        Limit.YEAR: Result.OVER_YEAR_LIMIT}  # fmt: skip


def family(own: dict[Limit, int] | None = None, parents: dict[Limit, int] | None = None) -> State:
    """A parent with three children, and somebody who is none; each with more than it may spend."""
    made = State.empty()
    setup = [
        opening(BANK, flags=AccountFlag.MAY_GO_NEGATIVE),
        opening(PARENT, policy=PARENTS),
        opening(CHILD, policy=OWN, parent=PARENT),
        opening(SISTER, policy=OWN, parent=PARENT),
        opening(FREE_CHILD, parent=PARENT),
        opening(STRANGER, policy=OWN),
        opening(OTHER_LEDGER, ledger=2),
    ]
    for limits, given in ((OWN, own or {}), (PARENTS, parents or {})):
        setup += [
            record(Kind.SET_LIMIT, credit=limits, ref=limit, amount_fen=fen)
            for limit, fen in given.items()
        ]
    holders = (PARENT, CHILD, SISTER, FREE_CHILD, STRANGER)
    setup += [transfer(BANK, one, NEVER, one) for one in holders]
    assert not made.apply(np.concatenate(setup))[0].any()
    return made


def paid(made: State, payer: int, fen: int, sequence: int, time_ms: int = NOON_MS) -> Result:
    """The answer for a payment to the bank."""
    return Result(int(made.apply(transfer(payer, BANK, fen, sequence, time_ms=time_ms))[0][0]))


def held(made: State, payer: int, fen: int, sequence: int, time_ms: int = NOON_MS) -> int:
    """Holds money; the hold's reference."""
    hold = record(
        Kind.HOLD, origin=payer, debit=payer, amount_fen=fen, sequence=sequence, time_ms=time_ms
    )
    results, details = made.apply(hold)
    assert results[0] == Result.ACCEPTED
    return int(details[0])


def release(payer: int, fen: int, ref: int, sequence: int) -> Records:
    """The bank gives something of a hold back."""
    return record(
        Kind.RELEASE, origin=BANK, debit=payer, amount_fen=fen, ref=ref, sequence=sequence
    )


@pytest.mark.parametrize("child", [CHILD, FREE_CHILD])
@pytest.mark.parametrize("limit", OVER)
@pytest.mark.parametrize("over", [0, 1])
def test_the_parents_limits_bind_its_children_to_the_fen(
    child: int, limit: Limit, over: int
) -> None:
    made = family(parents={limit: 700})
    assert paid(made, child, 700 + over, 1) == (OVER[limit] if over else Result.ACCEPTED)
    spent = 0 if over else 700
    assert made.accounts[child]["day_spent_fen"] == made.accounts[PARENT]["day_spent_fen"] == spent


@pytest.mark.parametrize("limit", OVER)
def test_a_childs_own_limits_bind_it_before_its_parents(limit: Limit) -> None:
    made = family({limit: 300}, {Limit.SINGLE: 200})
    assert paid(made, CHILD, 301, 1) == OVER[limit], "its own are asked first, all of them"
    assert paid(made, CHILD, 300, 2) == Result.OVER_SINGLE_LIMIT
    assert paid(made, STRANGER, 300, 3) == Result.ACCEPTED
    assert paid(made, PARENT, 200, 4) == Result.ACCEPTED


@pytest.mark.parametrize("limit", [Limit.DAY, Limit.YEAR])
def test_brothers_and_sisters_and_the_parent_share_what_the_parent_may_spend(limit: Limit) -> None:
    made = family(parents={limit: 1_000})
    assert paid(made, CHILD, 400, 1) == Result.ACCEPTED
    assert paid(made, FREE_CHILD, 300, 1) == Result.ACCEPTED
    assert paid(made, PARENT, 200, 11) == Result.ACCEPTED
    assert paid(made, SISTER, 101, 1) == OVER[limit]
    assert paid(made, SISTER, 100, 2) == Result.ACCEPTED
    assert [paid(made, one, 1, 90) for one in (PARENT, CHILD, SISTER)] == [OVER[limit]] * 3
    assert made.accounts[PARENT]["day_spent_fen"] == 1_000
    assert made.accounts[SISTER]["day_spent_fen"] == 100


def test_what_a_parent_spends_does_not_count_against_its_children() -> None:
    made = family({Limit.DAY: 500}, {})
    assert paid(made, PARENT, 10_000, 11) == Result.ACCEPTED
    assert paid(made, CHILD, 500, 1) == Result.ACCEPTED
    assert paid(made, CHILD, 1, 2) == Result.OVER_DAY_LIMIT
    assert paid(made, SISTER, 500, 1) == Result.ACCEPTED


def test_a_childs_day_is_never_before_its_parents() -> None:
    made = family({Limit.DAY: 500}, {Limit.DAY: 1_000})
    assert paid(made, PARENT, 600, 11, MIDNIGHT_MS) == Result.ACCEPTED
    assert paid(made, CHILD, 401, 1, MIDNIGHT_MS - 1) == Result.OVER_DAY_LIMIT
    assert paid(made, CHILD, 400, 2, MIDNIGHT_MS - 1) == Result.ACCEPTED
    assert made.accounts[CHILD]["day"] == made.accounts[PARENT]["day"]
    assert paid(made, CHILD, 101, 3, MIDNIGHT_MS + DAY_MS) == Result.ACCEPTED
    assert made.accounts[PARENT]["day_spent_fen"] == 101, "a child begins its parent's day as well"


@pytest.mark.parametrize("child", [CHILD, FREE_CHILD])
def test_what_is_released_is_given_back_to_the_limits_of_both(child: int) -> None:
    made = family(parents={Limit.DAY: 1_000, Limit.YEAR: 1_000})
    ref = held(made, child, 1_000, 1)
    assert paid(made, SISTER, 1, 1) == Result.OVER_DAY_LIMIT
    made.apply(release(child, 400, ref, 90))
    assert paid(made, SISTER, 401, 2) == Result.OVER_DAY_LIMIT
    assert paid(made, SISTER, 400, 3) == Result.ACCEPTED
    assert made.accounts[PARENT]["year_spent_fen"] == 1_000
    assert made.accounts[child]["day_spent_fen"] == 600


def test_a_hold_of_yesterday_gives_the_parent_the_year_back_and_not_the_day() -> None:
    made = family(parents={Limit.DAY: 1_000, Limit.YEAR: 1_500})
    ref = held(made, CHILD, 900, 1, MIDNIGHT_MS - 1)
    assert paid(made, SISTER, 600, 1, MIDNIGHT_MS) == Result.ACCEPTED
    made.apply(release(CHILD, 900, ref, 90))
    assert paid(made, PARENT, 401, 11, MIDNIGHT_MS) == Result.OVER_DAY_LIMIT
    assert paid(made, PARENT, 400, 12, MIDNIGHT_MS) == Result.ACCEPTED


def test_what_is_exempt_counts_against_neither() -> None:
    made = family({Limit.DAY: 1}, {Limit.DAY: 1})
    exempt = transfer(CHILD, BANK, 500, 1, flags=RecordFlag.NO_LIMIT)
    assert made.apply(exempt)[0][0] == Result.ACCEPTED
    assert not made.accounts[[CHILD, PARENT]]["day_spent_fen"].any()


def test_a_cap_is_each_accounts_own() -> None:
    made = family({Limit.BALANCE_CAP: NEVER + 10}, {Limit.BALANCE_CAP: NEVER})
    assert made.apply(transfer(BANK, CHILD, 11, 90))[0][0] == Result.OVER_BALANCE_CAP
    assert made.apply(transfer(BANK, CHILD, 10, 91))[0][0] == Result.ACCEPTED


def test_a_chain_that_fails_gives_the_parent_back_what_it_had_counted() -> None:
    made = family()
    before = made.accounts.copy()
    linked = transfer(CHILD, BANK, 5, 7, flags=RecordFlag.LINKED)
    hold = record(Kind.HOLD, debit=SISTER, amount_fen=3, flags=RecordFlag.LINKED)
    wrong = transfer(CHILD, 900, 1, 0)
    results, _ = made.apply(np.concatenate([linked, hold, wrong]))
    assert results.tolist() == [Result.CREDIT_UNKNOWN, *[Result.LINKED_FAILED] * 2]
    for accounts in (before, made.accounts):
        accounts["last_sequence"] = accounts["seen"] = 0
    assert made.accounts.tobytes() == before.tobytes()


def test_a_batch_that_is_taken_back_gives_the_parent_back_what_it_had_counted() -> None:
    made = family()
    before = made.copy()
    batch = np.concatenate([transfer(CHILD, BANK, 5, 1), transfer(FREE_CHILD, CHILD, 5, 1)])
    undo = made.saved(batch)
    assert not made.apply(batch)[0].any()
    assert made.accounts[PARENT]["day_spent_fen"] == 10
    made.restore(undo)
    assert made.accounts[PARENT]["day_spent_fen"] == 0
    assert made.equals(before)


def test_a_batch_that_opens_a_child_and_is_taken_back_leaves_nothing() -> None:
    made = family()
    batch = np.concatenate(
        [opening(9, parent=PARENT), transfer(BANK, 9, 50, 90), transfer(9, BANK, 20, 1)]
    )
    undo = made.saved(batch)
    assert not made.apply(batch)[0].any()
    assert made.accounts[PARENT]["day_spent_fen"] == 20
    made.restore(undo)
    assert made.accounts[PARENT]["day_spent_fen"] == 0
    assert made.accounts[9]["flags"] == 0


@pytest.mark.parametrize(
    ("parent", "why"),
    [
        (7, Result.DEBIT_UNKNOWN),
        (8, Result.DEBIT_UNKNOWN),
        (2**32 - 1, Result.DEBIT_UNKNOWN),
        (CHILD, Result.MALFORMED),
        (OTHER_LEDGER, Result.LEDGER_MISMATCH),
        (PARENT, Result.ACCEPTED),
    ],
)
def test_a_parent_is_an_open_account_of_the_ledger_and_nobodys_child(
    parent: int, why: Result
) -> None:
    made = family()
    assert made.apply(opening(8, parent=parent))[0][0] == why
    accepted = why == Result.ACCEPTED
    assert bool(made.accounts[8]["flags"]) == accepted
    assert made.accounts[8]["parent"] == (parent if accepted else 0)


def test_nobody_is_opened_under_a_closed_account() -> None:
    made = family()
    made.apply(opening(8))
    made.apply(record(Kind.SET_FLAGS, credit=8, ref=AccountFlag.CLOSED))
    assert made.apply(opening(9, parent=8))[0][0] == Result.DEBIT_CLOSED


def test_an_account_keeps_its_parent_for_good() -> None:
    made = family()
    assert made.apply(opening(CHILD, parent=STRANGER))[0][0] == Result.ACCEPTED
    assert made.accounts[CHILD]["parent"] == PARENT
    assert made.apply(opening(STRANGER, parent=PARENT))[0][0] == Result.ACCEPTED
    assert made.accounts[STRANGER]["parent"] == 0
