"""Shares places and threads among callers, so that no caller takes them from the others."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from dcep.errors.v1 import errors_pb2
from runtime.errors import RETRY_AFTER_MS, Refusal

T = TypeVar("T")
_AGAIN_MS, _LATEST_MS = 1_000, 5_000
_MOST_BACKS = 1_000
"""Callers whose pauses are counted one by one."""

_BACK_PER_S = 500
"""So many of those that found no place are asked to come back in a second: to refuse a call costs
about half a millisecond of the one loop that also serves the others.
"""


def overloaded(message: str, again_ms: int = _AGAIN_MS) -> Refusal:
    """The refusal OVERLOADED, which says after how many milliseconds to ask again."""
    return Refusal(errors_pb2.REASON_OVERLOADED, message, **{RETRY_AFTER_MS: str(again_ms)})


class Shares:
    """Places of one kind, bounded in all and for each caller. For one thread."""

    def __init__(
        self, what: str, *, whole: int, each: int, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Makes the places, all free.

        Args:
            what: their name in refusals, such as "calls" or "streams".
            whole: how many there are.
            each: how many one caller may have at once.
            now_s: a clock that never goes back, in seconds.
        """
        self._now_s = now_s
        self._backs_s: dict[str, float] = {}
        """When the last who was refused may come back, by caller; "" for all together."""
        self._what = what
        self._whole = whole
        self._each = each
        self._taken: dict[str, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def take(self, caller: str, count: int = 1) -> None:
        """Takes places for a caller.

        Raises:
            Refusal: OVERLOADED; it says whether the caller's share or the whole is full.
        """
        mine = self._taken.get(caller, 0)
        if mine + count > self._each:
            raise self._full(caller, f"you have {self._each} {self._what} here already")
        if self._count + count > self._whole:
            raise self._full("", f"all {self._whole} places for {self._what} are taken")
        self._taken[caller] = mine + count
        self._count += count

    def _full(self, caller: str, message: str) -> Refusal:
        """A refusal whose pause is longer the more there are: they come back one after the other,
        those of a caller whose own share is full apart from all others.

        Without that, those who are refused together come back together, and to refuse them again
        takes the time in which others could be served.
        """
        now_s = self._now_s()
        back_s = max(now_s + _AGAIN_MS / 1_000, self._backs_s.get(caller, 0.0) + 1 / _BACK_PER_S)
        back_s = min(back_s, now_s + _LATEST_MS / 1_000)
        if len(self._backs_s) >= _MOST_BACKS:
            self._backs_s = {who: at for who, at in self._backs_s.items() if at > now_s}
        if len(self._backs_s) < _MOST_BACKS or caller in self._backs_s:
            self._backs_s[caller] = back_s
        return overloaded(message, round((back_s - now_s) * 1_000))

    def leave(self, caller: str, count: int = 1) -> None:
        """Gives places back."""
        left = self._taken[caller] - count
        self._count -= count
        if left:
            self._taken[caller] = left
        else:
            del self._taken[caller]

    def place(self, caller: str) -> Place:
        """A place that the caller has while a ``with`` block runs."""
        return Place(self, caller)


class Place:
    """A caller's place. It is a class, faster than a generator, as every call takes one."""

    __slots__ = ("_caller", "_of")

    def __init__(self, of: Shares, caller: str) -> None:
        self._of = of
        self._caller = caller

    def __enter__(self) -> None:
        self._of.take(self._caller)

    def __exit__(self, *_: object) -> None:
        self._of.leave(self._caller)


class Turns:
    """Turns that go round the callers, bounded in all and for each caller at once.

    For one event loop. A caller with a thousand in line holds up only its own.
    """

    def __init__(self, whole: int, *, each: int) -> None:
        self._free = whole
        self._each = each
        self._running: dict[str, int] = {}
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """A turn that the caller has while the block runs."""
        await self.take(caller)
        try:
            yield
        finally:
            self.end(caller)

    async def take(self, caller: str) -> None:
        """Waits for a turn for a caller, which must be ended by `end`."""
        if self._free and caller not in self._lines and self._may(caller):
            self._begin(caller)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(caller, deque())
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                line.remove(turn)
                if not line:
                    del self._lines[caller]
            else:  # the turn had come, but the waiting task was cancelled
                self.end(caller)
            raise

    def end(self, caller: str) -> None:
        """Ends a caller's turn, and begins the next one in line."""
        self._free += 1
        left = self._running[caller] - 1
        if left:
            self._running[caller] = left
        else:
            del self._running[caller]
        self._next()

    def _may(self, caller: str) -> bool:
        return self._running.get(caller, 0) < self._each

    def _begin(self, caller: str) -> None:
        self._free -= 1
        self._running[caller] = self._running.get(caller, 0) + 1

    def _next(self) -> None:
        """Begins the next turn, of the first caller that may; that caller then goes to the end."""
        for caller, line in self._lines.items():
            waiting = next((turn for turn in line if not turn.done()), None)
            if waiting is None or not self._may(caller):
                continue
            line.remove(waiting)
            self._begin(caller)
            waiting.set_result(None)
            self._lines.move_to_end(caller)
            if not line:
                del self._lines[caller]
            return


class FairThreads:
    """Threads whose turns go round the callers, with a bound for each caller at once.

    A caller's work counts as running until the thread has finished it, even if nobody waits for the
    answer any more.
    """

    def __init__(self, threads: int, *, each: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._turns = Turns(threads, each=each)

    async def run(self, caller: str, work: Callable[[], T]) -> T:
        """Runs `work` on a thread when it is the caller's turn, and returns what it returns.

        Raises:
            Exception: what `work` raised.
        """
        loop = asyncio.get_running_loop()
        await self._turns.take(caller)
        answer: asyncio.Future[T] = loop.create_future()

        def ended(result: T | None, error: Exception | None) -> None:
            self._turns.end(caller)
            if answer.done():  # nobody waits for it any more
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)  # type: ignore[arg-type]

        def on_thread() -> None:
            # One wake-up of the loop does for both, the answer and the end of the turn.
            try:
                loop.call_soon_threadsafe(ended, work(), None)
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                loop.call_soon_threadsafe(ended, None, error)

        self._pool.submit(on_thread)
        return await answer

    def close(self) -> None:
        """Begins no more work, and does not wait for what still runs."""
        self._pool.shutdown(wait=False, cancel_futures=True)
