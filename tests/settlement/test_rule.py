"""The rule, one row a case, and a check that every answer occurs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from settlement.records import RECORD, AccountFlag, Kind, Limit, RecordFlag, Records, Result
from settlement.state import State
from tests.settlement.books import (
    ALICE,
    BANK,
    BOB,
    CAROL,
    NOON_MS,
    OTHER_LEDGER,
    opening,
    record,
    transfer,
)

FROZEN, CLOSED, UNOPENED = 5, 6, 900


def state() -> State:
    """1,000 fen each; class 1 may hold 5,000, pay 800 at once, 900 a day, 950 a year."""
    made = State.empty()
    setup = [
        opening(BANK, flags=AccountFlag.MAY_GO_NEGATIVE),
        *(opening(n, policy=1) for n in (ALICE, BOB, CAROL)),
        opening(OTHER_LEDGER, ledger=2),
        opening(FROZEN),
        opening(CLOSED),
        *(transfer(BANK, n, 1_000, n) for n in (ALICE, BOB, CAROL, FROZEN)),
        record(Kind.SET_FLAGS, credit=FROZEN, ref=AccountFlag.FROZEN),
        record(Kind.SET_FLAGS, credit=CLOSED, ref=AccountFlag.CLOSED),
        *(
            record(Kind.SET_LIMIT, credit=1, ref=limit, amount_fen=fen)
            for limit, fen in [
                (Limit.BALANCE_CAP, 5_000),
                (Limit.SINGLE, 800),
                (Limit.DAY, 900),
                (Limit.YEAR, 950),
            ]
        ),
    ]
    results, _ = made.apply(np.concatenate(setup))
    assert not results.any()
    return made


def pay(fen: int, sequence: int = 1, **values: Any) -> Records:
    """Alice pays Bob."""
    return transfer(ALICE, BOB, fen, sequence, **values)


def hold(fen: int, sequence: int = 1, **values: Any) -> Records:
    """Alice's money is held."""
    return record(Kind.HOLD, origin=ALICE, debit=ALICE, amount_fen=fen, sequence=sequence, **values)


def end(kind: Kind, fen: int, ref: int, sequence: int = 77) -> Records:
    """The bank ends a hold of Alice's."""
    return record(
        kind, origin=BANK, debit=ALICE, credit=BANK, amount_fen=fen, ref=ref, sequence=sequence
    )


def deliver(to: int, fallback: int = CAROL) -> Records:
    """The bank delivers 10 fen."""
    return record(
        Kind.DELIVER, origin=BANK, debit=BANK, credit=to, amount_fen=10, ref=fallback, sequence=77
    )


DAY_MS = 86_400_000
FIRST_HOLD = 1 << 32
R = Result
LINKED = RecordFlag.LINKED
CASES: list[tuple[str, list[Records], list[Result]]] = [
    ("payment", [pay(100)], [R.ACCEPTED]),
    ("unknown kind", [record(99, origin=ALICE, sequence=1)], [R.MALFORMED]),
    ("payment without an identity", [pay(1, 0)], [R.MALFORMED]),
    ("same identity twice", [pay(100), pay(100)], [R.ACCEPTED, R.REPEATED]),
    ("a refused one is remembered", [pay(801), pay(801)], [R.OVER_SINGLE_LIMIT, R.REPEATED]),
    ("older than the window", [pay(1, 100), pay(1, 36)], [R.ACCEPTED, R.SEQUENCE_STALE]),
    ("the window's last", [pay(1, 100), pay(1, 37)], [R.ACCEPTED, R.ACCEPTED]),
    ("a leap over the window", [pay(1, 1), pay(1, 2), pay(1, 66), pay(1, 65)], [R.ACCEPTED] * 4),
    ("out of order", [pay(1, 3), pay(1, 1), pay(1, 2)], [R.ACCEPTED] * 3),
    ("known to be new", [pay(1, 100), pay(1, 2, flags=RecordFlag.KNOWN_NEW)], [R.ACCEPTED] * 2),
    ("nothing", [pay(0)], [R.AMOUNT_INVALID]),
    ("less than nothing", [pay(-1)], [R.AMOUNT_INVALID]),
    ("more than there is", [pay(2**63 - 1)], [R.AMOUNT_INVALID]),
    ("at its last moment", [pay(1, expires_ms=NOON_MS)], [R.ACCEPTED]),
    ("too late", [pay(1, expires_ms=NOON_MS - 1)], [R.EXPIRED]),
    ("refused elsewhere", [record(Kind.REFUSAL, origin=ALICE, sequence=1)], [R.REFUSED_UPSTREAM]),
    (
        "from nobody",
        [record(Kind.TRANSFER, origin=BANK, debit=UNOPENED, credit=BOB, amount_fen=1, sequence=90)],
        [R.DEBIT_UNKNOWN],
    ),
    ("to nobody", [transfer(ALICE, UNOPENED, 1, 1)], [R.CREDIT_UNKNOWN]),
    ("to oneself", [transfer(ALICE, ALICE, 1, 1)], [R.SAME_ACCOUNT]),
    ("across ledgers", [transfer(ALICE, OTHER_LEDGER, 1, 1)], [R.LEDGER_MISMATCH]),
    ("from a frozen account", [transfer(FROZEN, BOB, 1, 1)], [R.DEBIT_FROZEN]),
    ("from a closed account", [transfer(CLOSED, BOB, 1, 1)], [R.DEBIT_CLOSED]),
    ("to a frozen account", [transfer(ALICE, FROZEN, 1, 1)], [R.CREDIT_FROZEN]),
    ("to a closed account", [transfer(ALICE, CLOSED, 1, 1)], [R.CREDIT_CLOSED]),
    ("the single limit", [pay(800)], [R.ACCEPTED]),
    ("over the single limit", [pay(801)], [R.OVER_SINGLE_LIMIT]),
    ("over the day's limit", [pay(800), pay(101, 2)], [R.ACCEPTED, R.OVER_DAY_LIMIT]),
    (
        "over the year's limit",
        [pay(800), pay(151, 2, time_ms=NOON_MS + DAY_MS)],
        [R.ACCEPTED, R.OVER_YEAR_LIMIT],
    ),
    (
        "a new year",
        [pay(800), pay(151, 2, time_ms=NOON_MS + 366 * DAY_MS)],
        [R.ACCEPTED, R.ACCEPTED],
    ),
    (
        "exempt from limits, not from funds",
        [pay(1_001, flags=RecordFlag.NO_LIMIT)],
        [R.INSUFFICIENT_FUNDS],
    ),
    ("over the cap", [transfer(BANK, BOB, 4_001, 90)], [R.OVER_BALANCE_CAP]),
    ("to the cap", [transfer(BANK, BOB, 4_000, 90)], [R.ACCEPTED]),
    ("held and captured", [hold(300), end(Kind.CAPTURE, 300, FIRST_HOLD)], [R.ACCEPTED] * 2),
    ("held and released", [hold(300), end(Kind.RELEASE, 300, FIRST_HOLD)], [R.ACCEPTED] * 2),
    ("no such hold", [end(Kind.CAPTURE, 300, FIRST_HOLD)], [R.HOLD_UNKNOWN]),
    (
        "a hold ends once",
        [hold(5), end(Kind.RELEASE, 5, FIRST_HOLD), end(Kind.CAPTURE, 5, FIRST_HOLD, sequence=78)],
        [R.ACCEPTED, R.ACCEPTED, R.HOLD_UNKNOWN],
    ),
    (
        "more than is held",
        [hold(5), end(Kind.CAPTURE, 6, FIRST_HOLD)],
        [R.ACCEPTED, R.HOLD_MISMATCH],
    ),
    (
        "by a key before",
        [
            pay(1),
            record(Kind.REPLACE_KEY, credit=ALICE, ref=1),
            pay(1, 2, flags=RecordFlag.KNOWN_NEW),
        ],
        [R.ACCEPTED, R.ACCEPTED, R.KEY_REPLACED],
    ),
    ("delivered", [deliver(BOB)], [R.ACCEPTED]),
    ("delivered to a closed account", [deliver(CLOSED)], [R.UNDELIVERABLE]),
    ("delivered to nobody", [deliver(UNOPENED)], [R.UNDELIVERABLE]),
    ("closing what is not empty", [record(Kind.SET_FLAGS, credit=BOB, ref=4)], [R.NOT_EMPTY]),
    (
        "linked, both good",
        [pay(1, flags=LINKED), transfer(BOB, CAROL, 1, 0)],
        [R.ACCEPTED, R.ACCEPTED],
    ),
    (
        "linked, the second bad",
        [pay(1, flags=LINKED), transfer(BOB, FROZEN, 1, 0), transfer(CAROL, BOB, 1, 1)],
        [R.CREDIT_FROZEN, R.LINKED_FAILED, R.ACCEPTED],
    ),
]


@pytest.mark.parametrize(("records", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_rule(records: list[Records], expected: list[Result]) -> None:
    made = state()
    before = made.accounts["available_fen"].sum() + made.accounts["held_fen"].sum()
    batch = np.concatenate(records)
    results, details = made.apply(batch)
    assert [Result(r) for r in results] == expected
    assert ((details > 0) == ((batch["kind"] == Kind.HOLD) & (results == Result.ACCEPTED))).all()
    assert made.accounts["available_fen"].sum() + made.accounts["held_fen"].sum() == before


def test_every_answer_occurs() -> None:
    # The core answers ID_REUSED, and a million holds are needed for the other.
    elsewhere = {Result.ID_REUSED, Result.TOO_MANY_HOLDS}
    seen = {result for _, _, expected in CASES for result in expected}
    assert seen | elsewhere == set(Result)


def test_a_failed_chain_leaves_no_trace_but_its_identity() -> None:
    made = state()
    bad = np.concatenate([pay(100, flags=LINKED), transfer(BOB, FROZEN, 1, 0)])
    made.apply(bad)
    assert made.accounts[ALICE]["available_fen"] == 1_000
    assert made.accounts[ALICE]["day_spent_fen"] == 0
    assert made.accounts[ALICE]["last_sequence"] == 1


def test_a_released_hold_gives_the_limit_back() -> None:
    made = state()
    made.apply(np.concatenate([hold(800), end(Kind.RELEASE, 800, FIRST_HOLD), pay(800, 2)]))
    assert made.accounts[BOB]["available_fen"] == 1_800


def test_records_and_accounts_are_as_small_as_promised() -> None:
    assert RECORD.itemsize == 64
    assert state().accounts.itemsize == 64
