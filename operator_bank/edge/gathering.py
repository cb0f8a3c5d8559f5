"""Serves calls that arrive while others are being served together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
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
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._serving: asyncio.Task[None] | None = None

    def begin(self, item: T) -> asyncio.Future[R]:
        """Queues an item; the future gets its answer. A caller that gives up changes nothing for
        others.

        The item is served whether anybody waits for it or not. So whatever bounds the number of
        callers has to count it until it is done, and callers wait for it under `asyncio.shield`.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve_all())
        return future

    async def _serve_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                answers = await self._serve([item for item, _ in group])
                for (_, future), answer in zip(group, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
            except Exception as error:  # noqa: BLE001 - every caller that waits gets it
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                        future.exception()  # one that nobody waits for any more is no mistake
        self._serving = None
