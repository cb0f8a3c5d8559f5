"""Wallets' numbers: one each, and none that tells of the others."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from currency.number import SERIAL_DIGITS, check, prefix_of
from operator_bank.wallets import numbers
from operator_bank.wallets.numbers import Numbers
from tests.operator_bank.system import PREFIX, System

ALL = 10**SERIAL_DIGITS
SOME = Numbers(PREFIX, b"s" * 32)


def serial(number: str) -> int:
    return int(number[4:-1])


@given(st.integers(0, ALL - 1))
def test_every_wallet_has_a_good_number_of_its_bank(row_id: int) -> None:
    made = SOME.of(row_id)
    assert check(made) == made == SOME.of(row_id)
    assert prefix_of(made) == PREFIX


@pytest.mark.parametrize("row_id", [-1, ALL])
def test_beyond_the_last_serial_there_is_none(row_id: int) -> None:
    with pytest.raises(ValueError, match="no number"):
        SOME.of(row_id)


def test_no_two_have_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all serials, among few: it is a permutation."""
    monkeypatch.setattr(numbers, "LEFT", 40)
    monkeypatch.setattr(numbers, "RIGHT", 70)
    few = Numbers(PREFIX, b"f" * 32)
    assert sorted(serial(few.of(row)) for row in range(40 * 70)) == list(range(40 * 70))


def test_one_number_does_not_tell_the_next_or_how_many_there_are() -> None:
    """Neighbours lie anywhere, as far apart as chance would have it."""
    made = [serial(SOME.of(row)) for row in range(1, 4_001)]
    steps = [abs(b - a) for a, b in itertools.pairwise(made)]
    assert min(steps) > 1
    assert 0.2 * ALL < sum(steps) / len(steps) < 0.47 * ALL  # a third, by chance
    tenths = [sum(low <= one < low + ALL // 10 for one in made) for low in range(0, ALL, ALL // 10)]
    assert min(tenths) > 300
    assert max(made) > 0.99 * ALL
    other = Numbers(PREFIX, b"t" * 32)
    assert not {serial(other.of(row)) for row in range(1, 4_001)} & set(made)


def test_a_bank_keeps_to_its_own_permutation(system: System) -> None:
    first = system.open(name="Alice")
    system.restart()
    second = system.open(name="Bob")
    directory = system.bank.directory
    assert {first.number, second.number} == {
        directory.number_of(holder.wallet.account) for holder in (first, second)
    }
    again = numbers.numbers_of(system.bank.context.database, PREFIX)
    assert [again.of(1), again.of(2)] == [first.number, second.number]
    assert abs(serial(first.number) - serial(second.number)) > 1
