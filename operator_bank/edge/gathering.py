"""Serves calls that arrive while others are being served together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Gathering(Generic[T, R]):
    """Serves items in groups, in order: the next group is what came while the last was served."""

    def __init__(
        self, serve: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, most: int
    ) -> None:
        """Sets how groups are served.

        Args:
            serve: gives an answer for each item, in order; if it raises, every caller of the group
                gets the exception. It serves one group at a time.
            most: how many items one group has at most.
        """
        self._serve = serve
        self._most = most
        self._waiting: dict[asyncio.Future[R], T] = {}
        self._serving: asyncio.Task[None] | None = None

    def begin(self, item: T) -> asyncio.Future[R]:
        """Queues an item; the future gets its answer, and is waited for by `answer`.

        An item that is being served is served to its end, whoever waits for it. So whatever bounds
        the number of callers has to count it until its future is done.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting[future] = item
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve_all())
        return future

    async def answer(self, future: asyncio.Future[R]) -> R:
        """Waits for the answer. A caller that gives up takes its item back, unless it is being
        served, and changes nothing for others.
        """
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if self._waiting.pop(future, None) is not None:
                future.cancel()
            raise

    async def _serve_all(self) -> None:
        while self._waiting:
            group = list(islice(self._waiting, self._most))
            items = [self._waiting.pop(future) for future in group]
            try:
                answers = await self._serve(items)
                for future, answer in zip(group, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
            except Exception as error:  # noqa: BLE001 - every caller that waits gets it
                for future in group:
                    if not future.done():
                        future.set_exception(error)
                        future.exception()  # one that nobody waits for any more is no mistake
        self._serving = None
