"""Calls that arrive while others are being served are served together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Gathering(Generic[T, R]):
    """Serves items in groups, in the order they came: whatever came while the last was served."""

    def __init__(
        self, serve: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, most: int
    ) -> None:
        """Takes how to serve.

        Args:
            serve: gives an answer for each item, in order; what it raises, each caller
                of the group gets. One group at a time.
            most: items in one group.
        """
        self._serve = serve
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._serving: asyncio.Task[None] | None = None

    def begin(self, item: T) -> asyncio.Future[R]:
        """The answer for one item, in time. Who gives up changes nothing for the others.

        It is served whether anybody waits for it or not: what bounds the callers has to count it
        until it is done, so they wait for it under `asyncio.shield`.
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
            except Exception as error:  # noqa: BLE001 - told to everybody who waits for it
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
        self._serving = None
