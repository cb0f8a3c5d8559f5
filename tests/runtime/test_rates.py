"""So much a minute for each caller."""

from __future__ import annotations

import pytest

from dcep.errors.v1 import errors_pb2
from runtime.rates import Rate
from tests.refusals import refused_because


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def refused_ms(rate: Rate, caller: str, count: int = 1) -> int:
    """After how many milliseconds a caller is told to ask again."""
    found = refused_because(errors_pb2.REASON_OVERLOADED, rate.take, caller, count)
    return int(found.metadata["retry_after_ms"])


def test_a_minutes_worth_at_once_and_then_as_it_comes() -> None:
    clock = Clock()
    rate = Rate("things", 60, clock)
    rate.take("a", 60)
    assert 0 < refused_ms(rate, "a") <= 1_001
    clock.now_s += 10.0
    rate.take("a", 10)
    assert 4_000 < refused_ms(rate, "a", 5) <= 5_001, "who waits so long gets it"
    clock.now_s += 5.0
    rate.take("a", 5)
    clock.now_s += 86_400.0
    rate.take("a", 60)
    refused_ms(rate, "a")


def test_what_is_refused_takes_nothing_and_others_have_their_own() -> None:
    rate = Rate("things", 10, Clock())
    for _ in range(5):
        refused_ms(rate, "a", 11)
    rate.take("a", 10)
    rate.take("b", 10)


@pytest.mark.parametrize(("per_minute", "ms"), [(1, 60_001), (7, 8_572), (60, 1_001)])
def test_who_waits_as_long_as_he_was_told_gets_it_and_not_much_earlier(
    per_minute: int, ms: int
) -> None:
    """Though a seventh of a minute is no whole number of milliseconds."""
    clock = Clock()
    rate = Rate("things", per_minute, clock)
    rate.take("a", per_minute)
    assert refused_ms(rate, "a") == ms
    clock.now_s += (ms - 2) / 1_000
    refused_ms(rate, "a")
    clock.now_s += 2 / 1_000
    rate.take("a")


def test_a_rate_of_nothing_lets_nothing_through() -> None:
    assert refused_ms(Rate("things", 0, Clock()), "a") == 60_000


def test_callers_are_remembered_up_to_a_bound() -> None:
    rate = Rate("things", 10, Clock(), most_callers=100)
    for number in range(1_000):
        rate.take(f"caller {number}")
    assert len(rate) == 100
