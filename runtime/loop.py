"""The one event loop of a process that all of its ports share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own, which ends with the process.

    gRPC has one completion queue for all loops of a process, and wakes each of them for
    what belongs to another: a second loop would cost each call and gain nothing.
    """

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="loop", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """What `work` comes to, run on the loop; called from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Has the loop call a function soon; from any thread."""
        self._loop.call_soon_threadsafe(function, *arguments)


_lock = threading.Lock()
_shared: list[Loop] = []


def shared_loop() -> Loop:
    """The process's loop; started at the first call."""
    with _lock:
        if not _shared:
            _shared.append(Loop())
        return _shared[0]
