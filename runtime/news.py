"""Tells streams that wait on the loop when something has been committed."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Protocol

from runtime.loop import shared_loop

_WAIT_S = 1.0
_PAUSE_S = 0.05
"""Between two looks when waiting returns at once, as it does for a closed ledger."""


class Moving(Protocol):
    """Something whose position moves forward, such as a ledger."""

    def position(self) -> int:
        """How far it has come."""
        ...

    def wait(self, position: int, timeout_s: float) -> bool:
        """Waits until it is beyond `position`; False when the time ran out."""
        ...


class News:
    """Waits for a position in one thread, for everything that asks on the loop.

    The first one that has to wait starts the thread, which ends with the process.
    """

    def __init__(self, of: Moving) -> None:
        self._of = of
        self._waiting: set[asyncio.Future[None]] = set()
        self._thread: threading.Thread | None = None

    async def after(self, position: int, within_s: float) -> bool:
        """Waits up to `within_s` for something beyond `position`; whether there is any."""
        if self._of.position() > position:
            return True
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="news", daemon=True)
            self._thread.start()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await asyncio.wait_for(waiter, within_s)
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(waiter)
        return self._of.position() > position

    def _watch(self) -> None:
        seen, loop = self._of.position() - 1, shared_loop()
        while True:
            if self._of.wait(seen, _WAIT_S):
                seen = self._of.position()
                loop.call(self._told)
            else:
                time.sleep(_PAUSE_S)

    def _told(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
