"""Calls at the same time are served in groups, each exactly once."""

import asyncio
from collections.abc import Sequence

import pytest

from operator_bank.edge.gathering import Gathering


class Held:
    """Serves groups, each only when it is let go; remembers them."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go = asyncio.Semaphore(0)

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.groups.append(list(items))
        await self.go.acquire()
        return [10 * item for item in items]


async def begun(*calls: asyncio.Future[int]) -> list[asyncio.Future[int]]:
    """The calls, each as far as it comes by itself."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return list(calls)


@pytest.mark.parametrize(
    ("most", "groups"),
    [(100, [[0], [1, 2, 3, 4, 5]]), (2, [[0], [1, 2], [3, 4], [5]])],
)
def test_those_that_come_meanwhile_are_served_together_in_order_and_within_a_bound(
    most: int, groups: list[list[int]]
) -> None:
    async def scene() -> None:
        held = Held()
        gathering = Gathering(held, most=most)
        first = await begun(gathering.begin(0))
        others = await begun(*(gathering.begin(item) for item in range(1, 6)))
        for _ in groups:
            held.go.release()
        assert await asyncio.gather(*first, *others) == [0, 10, 20, 30, 40, 50]
        assert held.groups == groups

    asyncio.run(scene())


def test_those_that_come_at_once_are_one_group() -> None:
    async def scene() -> None:
        held = Held()
        held.go.release()
        gathering = Gathering(held, most=100)
        assert await asyncio.gather(*map(gathering.begin, range(4))) == [0, 10, 20, 30]
        assert held.groups == [[0, 1, 2, 3]]

    asyncio.run(scene())


def test_who_gives_up_takes_nothing_from_the_others() -> None:
    async def scene() -> None:
        held = Held()
        gathering = Gathering(held, most=100)
        leaves, stays = await begun(gathering.begin(1), gathering.begin(2))
        leaves.cancel()
        held.go.release()
        assert await stays == 20
        assert leaves.cancelled()
        held.go.release()
        assert await gathering.begin(3) == 30

    asyncio.run(scene())


def test_what_nobody_waits_for_any_more_is_not_begun_and_what_is_begun_is_counted_to_its_end() -> (
    None
):
    async def scene() -> None:
        held = Held()
        gathering = Gathering(held, most=100)
        begun_items = [gathering.begin(item) for item in (1, 2, 3)]
        first = asyncio.create_task(gathering.answer(begun_items[0]))
        await begun()
        later = [gathering.begin(item) for item in (4, 5, 6)]
        callers = [asyncio.create_task(gathering.answer(future)) for future in later]
        await begun()
        for caller in (first, callers[1]):
            caller.cancel()
        await begun()
        assert later[1].cancelled(), "its place is free at once"
        assert not begun_items[0].done(), "the bank still works on it"
        held.go.release()
        held.go.release()
        assert [await callers[0], await callers[2]] == [40, 60]
        assert begun_items[0].result() == 10
        assert held.groups == [[1, 2, 3], [4, 6]]

    asyncio.run(scene())


def test_everybody_of_a_group_hears_why_it_failed_and_the_next_is_served() -> None:
    async def scene() -> None:
        broken = True

        async def serve(items: Sequence[int]) -> Sequence[int]:
            if broken:
                raise OSError("no space left")
            return items

        gathering = Gathering(serve, most=10)
        failed = await asyncio.gather(
            gathering.begin(1), gathering.begin(2), return_exceptions=True
        )
        assert [str(error) for error in failed] == ["no space left"] * 2
        broken = False
        assert await gathering.begin(3) == 3

    asyncio.run(scene())


def test_an_answer_too_few_is_an_error_for_who_has_none() -> None:
    async def scene() -> None:
        async def serve(items: Sequence[int]) -> Sequence[int]:
            return items[1:]

        with pytest.raises(ValueError, match="shorter"):
            await Gathering(serve, most=10).begin(1)

    asyncio.run(scene())
