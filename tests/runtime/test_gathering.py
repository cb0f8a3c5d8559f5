"""Calls at the same time are served in groups, each exactly once."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from runtime.gathering import Gathering


class Held:
    """Serves groups, each only when it is let go; remembers them."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.groups.append(list(items))
        self.begun.release()
        self.go.acquire()
        return [10 * item for item in items]


def ask_behind_another(held: Held, gathering: Gathering[int, int], count: int) -> list[int]:
    """Asks 0, then 1 to `count` while 0 is being served; the answers."""
    arrived = threading.Semaphore(0)
    with ThreadPoolExecutor(count + 1) as pool:
        first = pool.submit(gathering.ask, 0)
        held.begun.acquire()

        def ask(item: int) -> int:
            arrived.release()
            return gathering.ask(item)

        others = [pool.submit(ask, item) for item in range(1, count + 1)]
        for _ in others:
            arrived.acquire()
        while len(gathering._waiting) < count:
            threading.Event().wait(0.001)
        held.go.release(1_000)
        return [first.result(10), *(other.result(10) for other in others)]


def test_a_call_alone_is_served_at_once_by_itself() -> None:
    served_by: list[int] = []

    def serve(items: Sequence[str]) -> list[str]:
        served_by.append(threading.get_ident())
        return [item.upper() for item in items]

    gathering = Gathering(serve, most=10)
    assert [gathering.ask("a"), gathering.ask("b")] == ["A", "B"]
    assert served_by == [threading.get_ident()] * 2


def test_those_that_come_meanwhile_are_one_group() -> None:
    held = Held()
    assert ask_behind_another(held, Gathering(held, most=100), 5) == [0, 10, 20, 30, 40, 50]
    assert held.groups[0] == [0]
    assert sorted(held.groups[1]) == [1, 2, 3, 4, 5]
    assert len(held.groups) == 2


def test_a_group_is_bounded_and_the_rest_forms_the_next() -> None:
    held = Held()
    assert ask_behind_another(held, Gathering(held, most=2), 5) == [0, 10, 20, 30, 40, 50]
    assert [len(group) for group in held.groups] == [1, 2, 2, 1]
    assert sorted(item for group in held.groups for item in group) == [0, 1, 2, 3, 4, 5]


def test_everybody_of_a_group_hears_why_it_failed_and_the_next_is_served() -> None:
    broken = True

    def serve(items: Sequence[int]) -> Sequence[int]:
        if broken:
            raise OSError("no space left")
        return items

    gathering = Gathering(serve, most=10)
    with pytest.raises(OSError, match="no space"):
        gathering.ask(1)
    broken = False
    assert gathering.ask(2) == 2


def test_an_answer_too_few_is_nobodys_answer() -> None:
    gathering: Gathering[int, int] = Gathering(lambda items: items[1:], most=10)
    with pytest.raises(ValueError, match="shorter"):
        gathering.ask(1)


def test_under_load_every_item_is_served_once() -> None:
    seen: list[int] = []

    def serve(items: Sequence[int]) -> list[int]:
        seen.extend(items)
        return [item + 1 for item in items]

    gathering = Gathering(serve, most=7)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(gathering.ask, range(5_000)))
    assert answers == list(range(1, 5_001))
    assert sorted(seen) == list(range(5_000))
