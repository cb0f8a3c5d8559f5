"""Time and chance as inputs: a clock that stands, and bytes that can be had again."""

import time
import uuid

import pytest

from runtime.clock import ManualClock, SystemClock
from runtime.randomness import SeededRandomness, SystemRandomness


def test_a_manual_clock_stands_until_it_is_moved_forward() -> None:
    clock = ManualClock(5)
    clock.advance(0)
    assert clock.now_ms() == 5
    clock.advance(10)
    assert clock.now_ms() == 15
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


def test_the_systems_clock_tells_milliseconds() -> None:
    assert abs(SystemClock().now_ms() - time.time() * 1_000) < 5_000


def test_a_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    def drawn(seed: int) -> tuple[bytes, str]:
        source = SeededRandomness(seed)
        return source.bytes(32), source.uuid()

    assert drawn(1) == drawn(1) != drawn(2)


@pytest.mark.parametrize("source", [SystemRandomness(), SeededRandomness(1)])
def test_ids_are_random_uuids(source: SystemRandomness | SeededRandomness) -> None:
    assert len(source.bytes(32)) == 32
    made = {source.uuid() for _ in range(100)}
    assert len(made) == 100
    assert {uuid.UUID(text).version for text in made} == {4}
