"""Calls that bring the same things go one after another, and others do not wait for them."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest

from runtime.one_call_each import OneCallEach


def test_a_call_waits_for_those_that_have_something_of_what_it_brings() -> None:
    calls, order, came = OneCallEach(), [], threading.Event()

    def second() -> None:
        came.set()
        with calls.holding({2, 3}):
            order.append("second")

    with calls.holding({1, 2}):
        thread = threading.Thread(target=second)
        thread.start()
        assert came.wait(10)
        with calls.holding({4}), calls.holding({5, 6}):  # these share nothing, and go on
            order.append("others")
        order.append("first")
    thread.join(10)
    assert order == ["others", "first", "second"]


class Thing:
    """Says when it was found to be another call's too: then its call has lined up."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lined_up = threading.Event()

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Thing) and other.number == self.number
        if isinstance(other, Thing) and same:
            self.lined_up.set()
            other.lined_up.set()
        return same


def line_up(order: list[str], name: str, *places: tuple[OneCallEach, set[Thing]]) -> Any:
    """A call that comes now, and waits at the first place that is taken when this returns."""

    def call() -> None:
        with ExitStack() as held:
            for calls, things in places:
                held.enter_context(calls.holding(things))
            order.append(name)

    thread = threading.Thread(target=call)
    thread.start()
    every = [thing.lined_up for _calls, things in places for thing in things]
    ends_at = time.monotonic() + 10
    while not any(event.wait(0.001) for event in every):
        assert time.monotonic() < ends_at
    return thread


def test_who_comes_first_is_served_first() -> None:
    calls = OneCallEach()
    order: list[str] = []
    with calls.holding({Thing(1)}):
        threads = [line_up(order, f"{number}", (calls, {Thing(1)})) for number in range(8)]
    for thread in threads:
        thread.join(10)
    assert order == [f"{number}" for number in range(8)]


def test_nobody_who_wants_much_is_passed_by_those_who_want_little() -> None:
    """It would wait for ever, if one of its things were taken all the time."""
    calls = OneCallEach()
    order: list[str] = []
    with calls.holding({Thing(1)}):
        much = line_up(order, "much", (calls, {Thing(1), Thing(2)}))
        little = line_up(order, "little", (calls, {Thing(2)}))
        assert order == []
    much.join(10)
    little.join(10)
    assert order == ["much", "little"]


def test_who_names_a_thing_of_others_has_one_place_in_its_line() -> None:
    mine, theirs = OneCallEach(), OneCallEach()
    order: list[str] = []
    with theirs.holding({Thing(1)}):
        flood = [
            line_up(order, "stranger", (mine, {Thing(7)}), (theirs, {Thing(1)})) for _ in range(8)
        ]
        holder = line_up(order, "holder", (mine, {Thing(1)}), (theirs, {Thing(1)}))
    for thread in (*flood, holder):
        thread.join(10)
    assert order == ["stranger", "holder", *["stranger"] * 7]


def test_calls_with_thousands_of_things_cost_no_more_than_those_with_one() -> None:
    """All calls wait meanwhile."""
    calls, many = OneCallEach(), [{(at, number) for number in range(8_190)} for at in range(8)]
    with ExitStack() as held:
        began_s = time.thread_time()
        for things in many:
            held.enter_context(calls.holding(things))
        assert time.thread_time() - began_s < 0.1


def test_what_a_call_that_fails_had_is_free_again() -> None:
    calls = OneCallEach()
    with pytest.raises(ZeroDivisionError), calls.holding({1}):
        raise ZeroDivisionError
    with calls.holding({1, 2}):
        pass
    with calls.holding({2}):
        pass
