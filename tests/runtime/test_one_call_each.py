"""Calls that bring the same things go one after another, and others do not wait for them."""

from __future__ import annotations

import threading

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


def test_what_a_call_that_fails_had_is_free_again() -> None:
    calls = OneCallEach()
    with pytest.raises(ZeroDivisionError), calls.holding({1}):
        raise ZeroDivisionError
    with calls.holding({1, 2}):
        pass
    with calls.holding({2}):
        pass
