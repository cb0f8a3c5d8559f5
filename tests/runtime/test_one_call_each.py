"""Calls that bring the same things go one after another, and others do not wait for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

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


class Things(set[int]):
    """Says when somebody has gone through them: then a call has lined up for them."""

    def __init__(self, *things: int) -> None:
        super().__init__(things)
        self.lined_up = threading.Event()

    def __iter__(self) -> Iterator[int]:
        yield from super().__iter__()
        self.lined_up.set()


def line_up(
    order: list[str], name: str, *places: tuple[OneCallEach, Things], until: int = -1
) -> threading.Thread:
    """A call that comes now, and has lined up at one of its places when this returns."""

    def call() -> None:
        with ExitStack() as held:
            for calls, things in places:
                held.enter_context(calls.holding(things))
            order.append(name)

    thread = threading.Thread(target=call)
    thread.start()
    assert places[until][1].lined_up.wait(10)
    return thread


def test_who_comes_first_is_served_first() -> None:
    calls = OneCallEach()
    order: list[str] = []
    with calls.holding({1}):
        threads = [line_up(order, f"{number}", (calls, Things(1))) for number in range(8)]
    for thread in threads:
        thread.join(10)
    assert order == [f"{number}" for number in range(8)]


def test_nobody_who_wants_much_is_passed_by_those_who_want_little() -> None:
    """It would wait for ever, if one of its things were taken all the time."""
    calls = OneCallEach()
    order: list[str] = []
    with calls.holding({1}):
        much = line_up(order, "much", (calls, Things(1, 2)))
        little = line_up(order, "little", (calls, Things(2)))
        assert order == []
    much.join(10)
    little.join(10)
    assert order == ["much", "little"]


def test_who_names_a_thing_of_others_has_one_place_in_its_line() -> None:
    mine, theirs = OneCallEach(), OneCallEach()
    order: list[str] = []
    with theirs.holding({1}):
        flood = [
            line_up(order, "stranger", (mine, Things(7)), (theirs, Things(1)), until=min(at, 1) - 1)
            for at in range(8)
        ]
        holder = line_up(order, "holder", (mine, Things(1)), (theirs, Things(1)))
    for thread in (*flood, holder):
        thread.join(10)
    assert order == ["stranger", "holder", *["stranger"] * 7]


def test_what_a_call_that_fails_had_is_free_again() -> None:
    calls = OneCallEach()
    with pytest.raises(ZeroDivisionError), calls.holding({1}):
        raise ZeroDivisionError
    with calls.holding({1, 2}):
        pass
    with calls.holding({2}):
        pass
