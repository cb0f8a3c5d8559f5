"""Wallets' numbers: one each, and none that tells of the others."""

from __future__ import annotations

import itertools
import secrets
from pathlib import Path

import pytest

from currency.number import SERIAL_DIGITS, check, make, prefix_of
from operator_bank.wallets.numbers import drawn
from tests.openings import opening
from tests.operator_bank.system import PREFIX, System

ALL = 10**SERIAL_DIGITS


def serial(number: str) -> int:
    return int(number[4:-1])


def draws(monkeypatch: pytest.MonkeyPatch, *serials: int) -> None:
    """Chance gives these serials, and then no more."""
    given = iter(serials)
    monkeypatch.setattr(secrets, "randbelow", lambda _: next(given))


def test_one_number_does_not_tell_the_next_or_how_many_there_are() -> None:
    """Neighbours lie anywhere, as far apart as chance would have it."""
    numbers = [drawn(PREFIX) for _ in range(4_000)]
    assert all(check(number) == number and prefix_of(number) == PREFIX for number in numbers)
    made = [serial(number) for number in numbers]
    steps = [abs(b - a) for a, b in itertools.pairwise(made)]
    assert 0.2 * ALL < sum(steps) / len(steps) < 0.47 * ALL  # a third, by chance
    tenths = [sum(low <= one < low + ALL // 10 for one in made) for low in range(0, ALL, ALL // 10)]
    assert min(tenths) > 300
    assert max(made) > 0.99 * ALL


def test_the_first_and_the_last_serial_have_good_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, 0, ALL - 1)
    assert [serial(check(drawn(PREFIX))) for _ in range(2)] == [0, ALL - 1]


def test_a_number_that_a_wallet_has_is_given_to_no_other(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws(monkeypatch, 7, 7, 7, 8, 7, 8, 9)
    assert system.open(name="Alice").number == make(PREFIX, 7)
    assert system.open(name="Bob").number == make(PREFIX, 8)
    system.restart()
    assert system.open(name="Carol").number == make(PREFIX, 9)


def test_two_that_are_opened_at_once_have_two_numbers(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws(monkeypatch, 7, 7, 8)
    now_ms = system.clock.now_ms()
    opened = system.bank.opening.open_many([opening("alpha", now_ms), opening("alpha", now_ms)])
    assert [wallet.number for wallet in opened] == [make(PREFIX, 7), make(PREFIX, 8)]


def test_the_number_of_an_opening_that_failed_is_free(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws(monkeypatch, 7, 7)

    def fails(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(system.bank.context.ledger, "submit", fails)
        with pytest.raises(OSError, match="full"):
            system.open(name="Alice")
    assert system.open(name="Alice").number == make(PREFIX, 7)


def test_a_copy_that_does_not_know_what_was_given_since_gives_other_numbers(
    tmp_path: Path,
) -> None:
    """By chance alone. Whoever pays to a number that was lost pays nobody else."""
    older, newer = (System(folder(tmp_path, name)) for name in ("older", "newer"))
    lost = {newer.open(name="lost").number for _ in range(20)}
    assert not lost & {older.open(name="new").number for _ in range(20)}


def folder(beside: Path, name: str) -> Path:
    made = beside / name
    made.mkdir()
    return made
