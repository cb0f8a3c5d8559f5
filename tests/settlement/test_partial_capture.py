"""A hold is captured and released in parts: never more than it has, and what is left lives on."""

from __future__ import annotations

import numpy as np
import pytest

from settlement.limits import MAX_ACCOUNT_HOLDS
from settlement.records import AccountFlag, Kind, Limit, RecordFlag, Records, Result
from settlement.state import State
from tests.settlement.books import ALICE, BANK, BOB, NOON_MS, opening, record, transfer
from tests.settlement.days import MIDNIGHT_MS

FEN = 100


def ready(*, day: int = 0, year: int = 0, cap: int = 0, flags: int = 0) -> State:
    """Alice and Bob with 1,000 fen."""
    made = State.empty()
    setup = [
        opening(BANK, flags=AccountFlag.MAY_GO_NEGATIVE),
        opening(ALICE, policy=1, flags=flags),
        opening(BOB, policy=2),
        record(Kind.SET_LIMIT, credit=1, ref=Limit.DAY, amount_fen=day),
        record(Kind.SET_LIMIT, credit=1, ref=Limit.YEAR, amount_fen=year),
        record(Kind.SET_LIMIT, credit=2, ref=Limit.BALANCE_CAP, amount_fen=cap),
        transfer(BANK, ALICE, 1_000, 1),
        transfer(BANK, BOB, 1_000, 2),
    ]
    assert not made.apply(np.concatenate(setup))[0].any()
    return made


def held(made: State, fen: int = FEN, sequence: int = 1, time_ms: int = NOON_MS) -> int:
    """Alice's money is held; the reference."""
    hold = record(
        Kind.HOLD, origin=ALICE, debit=ALICE, amount_fen=fen, sequence=sequence, time_ms=time_ms
    )
    results, details = made.apply(hold)
    assert results[0] == Result.ACCEPTED
    return int(details[0])


def part(kind: Kind, fen: int, ref: int, sequence: int, **more: int) -> Records:
    """Of a hold, to Bob or back to Alice."""
    return record(
        kind, origin=BANK, debit=ALICE, credit=BOB if kind == Kind.CAPTURE else 0,
        amount_fen=fen, ref=ref, sequence=sequence, **more,
    )  # fmt: skip


def took(made: State, kind: Kind, fen: int, ref: int, sequence: int) -> Result:
    """The answer for a part."""
    return Result(int(made.apply(part(kind, fen, ref, sequence))[0][0]))


def money(made: State) -> tuple[int, int, int]:
    """Alice's available and held fen, and Bob's available."""
    alice, bob = made.accounts[ALICE], made.accounts[BOB]
    return int(alice["available_fen"]), int(alice["held_fen"]), int(bob["available_fen"])


@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.RELEASE])
@pytest.mark.parametrize("first", [1, 50, FEN - 1])
def test_the_rest_of_a_hold_can_still_be_taken_and_no_fen_more(kind: Kind, first: int) -> None:
    made = ready()
    ref = held(made)
    assert took(made, kind, FEN + 1, ref, 11) == Result.HOLD_MISMATCH
    assert took(made, kind, first, ref, 12) == Result.ACCEPTED
    left = FEN - first
    assert made.accounts[ALICE]["held_fen"] == left
    for other in (Kind.CAPTURE, Kind.RELEASE):
        assert took(made, other, left + 1, ref, 20 + other) == Result.HOLD_MISMATCH
    assert made.accounts[ALICE]["open_holds"] == 1
    assert took(made, kind, left, ref, 13) == Result.ACCEPTED
    assert made.accounts[ALICE]["open_holds"] == 0
    assert took(made, kind, 1, ref, 14) == Result.HOLD_UNKNOWN
    assert money(made) == ((900, 0, 1_100) if kind == Kind.CAPTURE else (1_000, 0, 1_000))


def test_a_hold_ends_by_parts_of_both_kinds() -> None:
    made = ready()
    ref = held(made)
    parts = [(Kind.CAPTURE, 30), (Kind.RELEASE, 20), (Kind.CAPTURE, 49), (Kind.RELEASE, 1)]
    for number, (kind, fen) in enumerate(parts):
        assert took(made, kind, fen, ref, 11 + number) == Result.ACCEPTED
    assert money(made) == (921, 0, 1_079)
    again = held(made, sequence=2)
    assert again & 0xFFFFFFFF == ref & 0xFFFFFFFF, "its place is free again"
    assert again != ref


@pytest.mark.parametrize("fen", [0, -1])
@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.RELEASE])
def test_a_part_is_of_some_money(kind: Kind, fen: int) -> None:
    made = ready()
    ref = held(made)
    assert took(made, kind, fen, ref, 11) == Result.AMOUNT_INVALID
    assert money(made) == (900, 100, 1_000)


@pytest.mark.parametrize("released", [1, 40, FEN])
def test_what_is_released_counts_no_more_and_what_is_captured_does(released: int) -> None:
    made = ready(day=500, year=500)
    ref = held(made)
    assert took(made, Kind.RELEASE, released, ref, 11) == Result.ACCEPTED
    if released < FEN:
        assert took(made, Kind.CAPTURE, FEN - released, ref, 12) == Result.ACCEPTED
    room = 500 - (FEN - released)
    assert made.apply(transfer(ALICE, BANK, room + 1, 2))[0][0] == Result.OVER_DAY_LIMIT
    assert made.apply(transfer(ALICE, BANK, room, 3))[0][0] == Result.ACCEPTED


def test_a_part_that_is_released_later_gives_the_year_back_and_not_the_new_day() -> None:
    made = ready(day=500, year=600)
    ref = held(made, 400, time_ms=MIDNIGHT_MS - 1)
    made.apply(transfer(ALICE, BANK, 100, 2, time_ms=MIDNIGHT_MS))
    assert took(made, Kind.RELEASE, 150, ref, 11) == Result.ACCEPTED
    row = made.accounts[ALICE]
    assert (row["day_spent_fen"], row["year_spent_fen"]) == (100, 350)
    assert took(made, Kind.RELEASE, 250, ref, 12) == Result.ACCEPTED
    assert (row["day_spent_fen"], row["year_spent_fen"]) == (100, 100)


def test_a_part_that_its_payee_cannot_take_leaves_the_hold_whole() -> None:
    made = ready(cap=1_050)
    ref = held(made)
    assert took(made, Kind.CAPTURE, 51, ref, 11) == Result.OVER_BALANCE_CAP
    assert money(made) == (900, 100, 1_000)
    assert took(made, Kind.CAPTURE, 50, ref, 12) == Result.ACCEPTED
    assert took(made, Kind.CAPTURE, 1, ref, 13) == Result.OVER_BALANCE_CAP
    assert took(made, Kind.RELEASE, 50, ref, 14) == Result.ACCEPTED


def test_parts_in_a_chain_that_fails_were_never_taken() -> None:
    made = ready()
    ref = held(made)
    before = [made.holds.copy(), made.free.copy(), made.counters.copy()]
    linked = {"flags": int(RecordFlag.LINKED)}
    chain = np.concatenate(
        [
            part(Kind.CAPTURE, 60, ref, 11, **linked),
            part(Kind.RELEASE, 40, ref, 0, **linked),
            part(Kind.RELEASE, 1, ref, 0),
        ]
    )
    results, _ = made.apply(chain)
    assert results[0] == Result.HOLD_UNKNOWN
    for array, was in zip((made.holds, made.free, made.counters), before, strict=True):
        assert array.tobytes() == was.tobytes()
    assert money(made) == (900, 100, 1_000)
    assert took(made, Kind.CAPTURE, FEN, ref, 12) == Result.ACCEPTED


def test_several_payees_are_paid_from_one_hold_or_none() -> None:
    made = ready()
    ref = held(made)
    linked = {"flags": int(RecordFlag.LINKED)}
    to_bank = part(Kind.CAPTURE, 40, ref, 0)
    to_bank["credit"] = BANK
    chain = np.concatenate([part(Kind.CAPTURE, 60, ref, 11, **linked), to_bank])
    assert not made.apply(chain)[0].any()
    assert money(made) == (900, 0, 1_060)


def test_holds_that_are_not_counted_never_run_out_of_numbers() -> None:
    made = ready(flags=AccountFlag.MANY_HOLDS)
    refs = [held(made, 1, sequence) for sequence in range(1, 4)]
    assert made.accounts[ALICE]["open_holds"] == 0
    assert took(made, Kind.RELEASE, 1, refs[0], 11) == Result.ACCEPTED
    assert made.accounts[ALICE]["open_holds"] == 0
    assert np.iinfo(made.accounts["open_holds"].dtype).max >= MAX_ACCOUNT_HOLDS
