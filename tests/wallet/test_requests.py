"""Requests to pay from the command line: shares add up, words are quoted, what was seen is paid."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from currency.number import make
from dcep.bank.v1 import orders_pb2
from runtime.errors import Refusal
from tests.refusals import refused_for
from wallet.cli.requests_output import lines
from wallet.online.requests import RequestLine, shares

PEOPLE = [make("6201", n) for n in range(1, 8)]


def line(**changes: Any) -> RequestLine:
    values: dict[str, Any] = {
        "name": f"{PEOPLE[0]}-{'0' * 32}",
        "mine": False,
        "counterparty": PEOPLE[0],
        "amount_fen": 1_000,
        "partial": False,
        "text": "",
        "reference": "",
        "due_time_ms": 1_800_000_000_000,
        "time_ms": 1_750_000_000_000,
        "state": "OPEN",
        "paid_fen": 0,
        "reminders": 0,
        "digest": "00" * 32,
    }
    return RequestLine(**{**values, **changes})


@given(st.integers(7, 10**13), st.integers(1, 7))
def test_shares_add_up_and_differ_by_a_fen_at_most(fen: int, count: int) -> None:
    found = shares(fen, PEOPLE[:count])
    assert sum(found.values()) == fen
    assert max(found.values()) - min(found.values()) <= 1
    assert list(found) == PEOPLE[:count]


@pytest.mark.parametrize("people", [[], [PEOPLE[0]] * 2, [make("6201", n) for n in range(1, 103)]])
def test_a_bill_is_split_among_some_who_differ(people: list[str]) -> None:
    assert refused_for(lambda: shares(1_000, people)) == "FIELD_INVALID"


def test_nobody_is_asked_for_nothing() -> None:
    with pytest.raises(Refusal):
        shares(3, PEOPLE[:4])


@pytest.mark.parametrize("words", ["\x1b[2Jpaid", "a\nb: paid", "‮diap", "close ” it"])
def test_words_of_others_do_not_reach_the_terminal_as_they_are(words: str) -> None:
    """A bank that lies may send what no bank takes."""
    _, said = lines([line(text=words, reference=words)], False)
    assert "\x1b" not in said and "‮" not in said
    assert said.count("”") == 2  # of the two quotations, which nobody closes early
    assert len(said.split("\n")) == 5


def test_the_list_says_what_is_left() -> None:
    fields, said = lines([line(paid_fen=400, partial=True)], True)
    assert "6.00 yuan are left" in said and "also in parts" in said
    assert fields["requests"][0]["left_fen"] == 600 and fields["more"]


def test_each_change_is_one_of_the_contract() -> None:
    assert set(orders_pb2.AskedChange.values()) == {0, 1, 2, 3, 4}
