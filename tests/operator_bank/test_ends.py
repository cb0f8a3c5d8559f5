"""Who waits for payments to other banks to end: any number, one thread for all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from dcep.bank.v1 import states_pb2
from operator_bank.limits import ENDS_AT_ONCE
from operator_bank.payments.ends import End, Ends
from runtime.loop import shared_loop

PENDING = (states_pb2.PAYMENT_STATE_PENDING, 0)
SETTLED = (states_pb2.PAYMENT_STATE_SETTLED, 0)


class Table:
    """Payments that have ended, and who looked for them."""

    def __init__(self) -> None:
        self.ended: dict[int, End] = {}
        self.looked_by: set[int] = set()
        self.largest = 0
        self.fails = False
        self.looks = threading.Semaphore(0)
        self.ends = Ends(self._look)

    def _look(self, numbers: Sequence[int]) -> dict[int, End]:
        self.looked_by.add(threading.get_ident())
        self.largest = max(self.largest, len(numbers))
        self.looks.release()
        if self.fails:
            raise RuntimeError("the database is away")
        return {number: self.ended[number] for number in numbers if number in self.ended}

    def end(self, *numbers: int) -> None:
        self.ended |= dict.fromkeys(numbers, SETTLED)
        self.ends.told()


@pytest.fixture
def table() -> Iterator[Table]:
    yield Table()


async def wait_all(table: Table, numbers: Sequence[int], within_s: float) -> list[End]:
    return list(await asyncio.gather(*(table.ends.of(number, within_s) for number in numbers)))


def test_thousands_wait_at_the_cost_of_one_thread(table: Table) -> None:
    numbers = range(1, 3_001)
    before = threading.active_count()

    async def run() -> list[End]:
        waiting = asyncio.ensure_future(wait_all(table, numbers, 60.0))
        await asyncio.to_thread(table.looks.acquire)
        table.end(*numbers)
        return await waiting

    assert shared_loop().run(run(), 60.0) == [SETTLED] * 3_000
    assert table.looked_by and len(table.looked_by) == 1
    assert table.largest <= ENDS_AT_ONCE
    # The loop's own helper, for the line that waits for the first look, is the other one.
    assert threading.active_count() <= before + 2 + 1


def test_a_payment_that_ended_before_anybody_waited_is_found_at_once(table: Table) -> None:
    table.end(7)
    assert shared_loop().run(table.ends.of(7, 60.0), 30.0) == SETTLED


def test_who_waits_for_another_payment_goes_on_waiting(table: Table) -> None:
    async def run() -> tuple[End, End]:
        late = asyncio.ensure_future(table.ends.of(2, 0.5))
        table.end(1)
        return await table.ends.of(1, 60.0), await late

    assert shared_loop().run(run(), 60.0) == (SETTLED, PENDING)


def test_many_may_wait_for_one_payment_and_one_who_gives_up_takes_nothing_away(
    table: Table,
) -> None:
    async def run() -> list[End]:
        waiting = [asyncio.ensure_future(table.ends.of(4, 60.0)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        table.end(4)
        return [await one for one in waiting[1:]]

    assert shared_loop().run(run(), 60.0) == [SETTLED, SETTLED]


def test_a_look_that_fails_is_made_again_when_payments_end(table: Table) -> None:
    table.fails = True
    assert shared_loop().run(table.ends.of(5, 0.3), 30.0) == PENDING

    async def run() -> End:
        waiting = asyncio.ensure_future(table.ends.of(5, 60.0))
        await asyncio.to_thread(table.looks.acquire)
        table.fails = False
        table.end(5)
        return await waiting

    assert shared_loop().run(run(), 60.0) == SETTLED
