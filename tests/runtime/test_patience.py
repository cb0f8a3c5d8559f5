"""Patience with a peer: how often it is asked, and when it is waited for."""

from __future__ import annotations

import pytest

from runtime.clock import ManualClock
from runtime.patience import FIRST_PAUSE_MS, LONGEST_PAUSE_MS, QUICK_ANSWERS, Patience, Turn


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000_000)


@pytest.fixture
def patience(clock: ManualClock) -> Patience:
    return Patience(clock, most=2, quick_ms=100)


def begun(patience: Patience) -> Turn:
    turn = patience.begin()
    assert turn is not None
    return turn


def test_few_ask_at_once(patience: Patience) -> None:
    first, _ = begun(patience), begun(patience)
    assert patience.begin() is None
    patience.end(first, answered=True)
    assert begun(patience).waited_for


def test_a_silent_peer_is_asked_once_a_pause_and_nobody_waits(
    patience: Patience, clock: ManualClock
) -> None:
    patience.end(begun(patience), answered=False)
    assert patience.begin() is None
    clock.advance(FIRST_PAUSE_MS)
    probe = begun(patience)
    assert not probe.waited_for
    assert patience.begin() is None, "one asks, and no second"


def test_pauses_grow_to_a_bound(patience: Patience, clock: ManualClock) -> None:
    pauses = []
    for _ in range(20):
        patience.end(begun(patience), answered=False)
        started = clock.monotonic_ms()
        while (turn := patience.begin()) is None:
            clock.advance(FIRST_PAUSE_MS)
        patience.end(turn, answered=False)
        pauses.append(clock.monotonic_ms() - started)
        while patience.begin() is None:
            clock.advance(FIRST_PAUSE_MS)
        patience.end(turn, answered=False)
        clock.advance(LONGEST_PAUSE_MS)
    assert pauses[0] == FIRST_PAUSE_MS
    assert max(pauses) == LONGEST_PAUSE_MS


def test_many_silences_at_once_are_one(patience: Patience, clock: ManualClock) -> None:
    first, second = begun(patience), begun(patience)
    clock.advance(2_000)
    patience.end(first, answered=False)
    patience.end(second, answered=False)
    clock.advance(FIRST_PAUSE_MS)
    assert patience.begin() is not None


def test_a_peer_is_waited_for_again_after_some_quick_answers(
    patience: Patience, clock: ManualClock
) -> None:
    patience.end(begun(patience), answered=False)
    clock.advance(FIRST_PAUSE_MS)
    for _ in range(QUICK_ANSWERS):
        turn = begun(patience)
        assert not turn.waited_for
        patience.end(turn, answered=True)
    assert begun(patience).waited_for


def test_a_slow_peer_is_asked_as_before_and_not_waited_for(
    patience: Patience, clock: ManualClock
) -> None:
    slow = begun(patience)
    clock.advance(101)
    patience.end(slow, answered=True)
    assert not begun(patience).waited_for
    assert patience.begin() is not None


def test_a_clock_that_is_set_back_lengthens_no_pause(
    patience: Patience, clock: ManualClock
) -> None:
    patience.end(begun(patience), answered=False)
    clock.set_back(3_600_000)
    clock.advance(FIRST_PAUSE_MS)
    assert patience.begin() is not None
