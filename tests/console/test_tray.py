"""A cash machine's tray: whenever it stops, notes are neither lost nor given twice."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import console.tray
from console.limits import READY_S
from console.tray import GIVEN, READY, TAKEN_BACK, Notes, Tray
from dcep.bank.v1 import exchange_pb2
from runtime.errors import NoAnswer

OPEN = exchange_pb2.CASH_OUT_STATE_OPEN
TAKEN = exchange_pb2.CASH_OUT_STATE_TAKEN
GIVEN_UP = exchange_pb2.CASH_OUT_STATE_GIVEN_UP


class Bank:
    """What a bank would say, and what it was asked."""

    def __init__(self, state: int = OPEN) -> None:
        self.state = state
        self.asked: list[tuple[int, bool]] = []

    def __call__(self, number: int, give_up: bool) -> int:
        self.asked.append((number, give_up))
        if self.state == OPEN and give_up:
            self.state = GIVEN_UP
        return self.state


def notes(number: int, *, age_s: float = 0.0) -> Notes:
    return Notes(number, "6201000000000012", 500, int((time.time() - age_s) * 1_000))


def test_notes_wait_for_an_order_and_are_given_once(tmp_path: Path) -> None:
    bank = Bank()
    Tray(tmp_path).put(notes(7))
    assert [one.state for one in Tray(tmp_path).settle(bank)] == [READY]
    bank.state = TAKEN
    assert [one.state for one in Tray(tmp_path).settle(bank)] == [GIVEN]
    assert Tray(tmp_path).settle(bank) == []
    assert bank.asked == [(7, False), (7, False)]


def test_notes_that_nobody_orders_are_given_up_in_time_and_taken_back(tmp_path: Path) -> None:
    bank = Bank()
    Tray(tmp_path).put(notes(7, age_s=READY_S + 1))
    assert [one.state for one in Tray(tmp_path).settle(bank)] == [TAKEN_BACK]
    assert Tray(tmp_path).settle(bank) == []


def test_notes_whose_money_has_left_are_given_however_late(tmp_path: Path) -> None:
    Tray(tmp_path).put(notes(7, age_s=READY_S + 1))
    assert [one.state for one in Tray(tmp_path).settle(Bank(TAKEN), give_up=True)] == [GIVEN]


def test_without_an_answer_the_notes_lie_where_they_are(tmp_path: Path) -> None:
    def silent(number: int, give_up: bool) -> int:
        raise NoAnswer("the bank is down")

    Tray(tmp_path).put(notes(7))
    with pytest.raises(NoAnswer):
        Tray(tmp_path).settle(silent, give_up=True)
    assert [one.number for one in Tray(tmp_path).ready()] == [7]


def test_a_machine_that_stops_between_the_answer_and_the_notes_asks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the bank said once it says for ever, so nothing is lost with the machine's memory."""
    for number, state, ended in ((7, TAKEN, GIVEN), (8, OPEN, TAKEN_BACK)):
        bank = Bank(state)
        Tray(tmp_path).put(notes(number))

        def power_cut(path: Path, content: bytes) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(console.tray, "write_whole", power_cut)
            Tray(tmp_path).settle(bank, give_up=True)
        assert [one.state for one in Tray(tmp_path).settle(bank)] == [ended]


def test_notes_are_put_under_a_number_once(tmp_path: Path) -> None:
    Tray(tmp_path).put(notes(7))
    with pytest.raises(ValueError, match="are there already"):
        Tray(tmp_path).put(notes(7))
