"""What is kept at a caller's word though nothing came of it has a bound, by caller and by hour."""

from __future__ import annotations

import pytest

from runtime.clock import ManualClock
from runtime.errors import RETRY_AFTER_MS, Refusal
from runtime.kept_bytes import KeptBytes
from tests.refusals import refused_for

HOUR_MS = 3_600_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1)


@pytest.fixture
def kept(clock: ManualClock) -> KeptBytes:
    return KeptBytes(clock, at_once=100, per_hour=50, most=300, most_callers=3)


def test_a_caller_has_so_much_at_once_and_the_next_one_as_much(kept: KeptBytes) -> None:
    kept.count("a", 99)
    kept.check("a")
    kept.count("a", 1)
    assert refused_for(kept.check, "a") == "OVERLOADED"
    kept.check("b")


def test_what_one_call_took_beyond_it_is_waited_for(kept: KeptBytes, clock: ManualClock) -> None:
    kept.count("a", 200)
    with pytest.raises(Refusal) as caught:
        kept.check("a")
    wait_ms = int(caught.value.metadata[RETRY_AFTER_MS])
    assert 2 * HOUR_MS <= wait_ms <= 2 * HOUR_MS + 1
    clock.advance(2 * HOUR_MS)
    assert kept.wait_ms("a") == 1
    clock.advance(1)
    assert kept.wait_ms("a") == 0


def test_often_counted_little_is_made_up_for_like_much(kept: KeptBytes, clock: ManualClock) -> None:
    kept.count("a", 150)
    for _ in range(61):
        clock.advance(HOUR_MS // 60)
        kept.count("a", 0)
    assert kept.wait_ms("a") == 0


def test_what_came_of_it_makes_room_up_to_a_bound(kept: KeptBytes, clock: ManualClock) -> None:
    kept.count("a", 0, came_of_it=1_000)
    clock.advance(10 * HOUR_MS)
    kept.count("a", 299)
    assert kept.wait_ms("a") == 0
    kept.count("a", 1)
    assert kept.wait_ms("a") > 0


def test_time_gives_no_more_than_there_is_at_once(kept: KeptBytes, clock: ManualClock) -> None:
    kept.count("a", 50)
    clock.advance(1_000 * HOUR_MS)
    kept.count("a", 100)
    assert kept.wait_ms("a") > 0


def test_the_callers_counted_last_are_remembered(kept: KeptBytes) -> None:
    for caller in "abcd":
        kept.count(caller, 100)
    assert [caller for caller in "abcd" if kept.wait_ms(caller)] == ["b", "c", "d"]
