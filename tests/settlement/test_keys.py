"""A key takes another one's place in the journal: before it the one counts, after it the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from settlement.audit import audit_ledger
from settlement.limits import MAX_KEYS
from settlement.records import (
    AccountFlag,
    Kind,
    RecordFlag,
    Records,
    Result,
    first_sequence,
    key_of,
)
from settlement.state import State
from tests.settlement.books import ALICE, BANK, BOB, fresh, many, opening, record, system
from tests.settlement.books import transfer as moved

SECOND, THIRD = first_sequence(1), first_sequence(2)


def pay(sequence: int, **values: int) -> Records:
    return moved(ALICE, BOB, 1, sequence, **values)


def replacing(key: int, account: int = ALICE) -> Records:
    return record(Kind.REPLACE_KEY, credit=account, ref=key)


def made() -> State:
    state = State.empty()
    state.apply(
        np.concatenate(
            [opening(BANK, flags=AccountFlag.MAY_GO_NEGATIVE), opening(ALICE), opening(BOB)]
        )
    )
    state.apply(moved(BANK, ALICE, 1_000, 1))
    return state


def answers(state: State, *records: Records) -> list[Result]:
    return [Result(int(result)) for result in state.apply(np.concatenate(records))[0]]


def test_sequences_say_by_which_key_an_order_is() -> None:
    assert [key_of(each) for each in (1, SECOND - 1, SECOND, THIRD)] == [0, 0, 1, 2]
    assert first_sequence(MAX_KEYS) == 1 << 53


def test_after_a_replacement_the_sequences_of_the_next_key_count_alone() -> None:
    state = made()
    said = answers(
        state,
        pay(5), replacing(1), pay(5), pay(6), pay(SECOND - 1), pay(THIRD), pay(SECOND),
        pay(SECOND + 3), pay(SECOND + 3), pay(SECOND + 1),
    )  # fmt: skip
    ok, stale = Result.ACCEPTED, Result.SEQUENCE_STALE
    assert said == [
        ok, ok, stale, stale, stale, Result.MALFORMED, ok, ok, Result.REPEATED, ok,
    ]  # fmt: skip
    known = pay(6, flags=RecordFlag.KNOWN_NEW)
    assert answers(state, known) == [Result.KEY_REPLACED]
    assert state.accounts[ALICE]["available_fen"] == 1_000 - 4


def test_keys_follow_each_other_one_by_one() -> None:
    state = made()
    wrong = [replacing(key) for key in (0, 2, MAX_KEYS)]
    assert answers(state, *wrong) == [Result.MALFORMED] * 3
    assert answers(state, replacing(1), replacing(1), replacing(2)) == [
        Result.ACCEPTED, Result.MALFORMED, Result.ACCEPTED,
    ]  # fmt: skip
    state.accounts[ALICE]["last_sequence"] = first_sequence(MAX_KEYS - 1)
    assert answers(state, replacing(MAX_KEYS)) == [Result.MALFORMED]


def test_only_an_open_account_gets_another_key_and_keeps_its_flags() -> None:
    state = made()
    assert answers(state, replacing(1, 77)) == [Result.CREDIT_UNKNOWN]
    frozen = record(Kind.SET_FLAGS, credit=ALICE, ref=AccountFlag.FROZEN)
    assert answers(state, frozen, replacing(1), pay(SECOND)) == [
        Result.ACCEPTED, Result.ACCEPTED, Result.DEBIT_FROZEN,
    ]  # fmt: skip
    thawed = record(Kind.SET_FLAGS, credit=ALICE, ref=0)
    answers(state, thawed)
    assert answers(state, pay(7)) == [Result.SEQUENCE_STALE]  # the flag that says so stays
    closed = record(Kind.SET_FLAGS, credit=BOB, ref=AccountFlag.CLOSED)
    assert answers(state, closed, replacing(1, BOB)) == [Result.ACCEPTED, Result.CREDIT_CLOSED]


def test_a_replacement_stands_in_no_chain() -> None:
    state = made()
    linked = replacing(1)
    linked["flags"] = RecordFlag.LINKED
    assert answers(state, linked, pay(1))[0] == Result.MALFORMED
    assert not state.accounts[ALICE]["flags"] & AccountFlag.REKEYED


@pytest.mark.parametrize("restarted", [False, True])
def test_the_core_gives_first_answers_again_and_takes_nothing_new(
    tmp_path: Path, restarted: bool
) -> None:
    engine, tables = fresh(f"sqlite:///{tmp_path / 'core.db'}")
    books = system(engine, tables)
    books.ledger.submit(many(pay(5)))
    books.ledger.submit(many(replacing(1)))
    if restarted:
        books.core.snapshot()
        books = system(engine, tables)
    # In one commit: an old one anew, a repeat, the same old one twice, and new ones.
    found = books.ledger.submit(
        many(pay(5), pay(6), pay(6), pay(SECOND + 1), pay(SECOND - 1), pay(SECOND + 1))
    )
    said = [found.result(at) for at in range(6)]
    assert said == [
        Result.ACCEPTED, Result.KEY_REPLACED, Result.KEY_REPLACED, Result.ACCEPTED,
        Result.KEY_REPLACED, Result.ACCEPTED,
    ]  # fmt: skip
    assert found.repeated.tolist() == [True, False, True, False, False, True]
    again = books.ledger.submit(many(pay(6)))
    assert (again.result(0), bool(again.repeated[0])) == (Result.KEY_REPLACED, True)
    row = books.ledger.read([ALICE])[0]
    assert (int(row["available_fen"]), int(row["last_sequence"])) == (998, SECOND + 1)
    books.projection.catch_up()
    assert not audit_ledger(engine, tables).problems


def test_other_accounts_may_have_sequences_as_high_as_they_like() -> None:
    state = made()
    assert (
        answers(state, moved(BANK, ALICE, 1, THIRD), moved(BANK, ALICE, 1, THIRD - 1))
        == [Result.ACCEPTED] * 2
    )
