"""Runs the one event loop of a process, which all of its ports share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own, which ends with the process.

    gRPC has one completion queue for all loops of a process, and wakes every loop for the events of
    the others. A second loop would make each call dearer and gain nothing.
    """

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="loop", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Runs a coroutine on the loop and returns its result; call it from another thread.

        Raises:
            TimeoutError: it took longer than `timeout_s`; it goes on all the same.
            Exception: what the coroutine raised.
        """
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Has the loop call a function soon. Any thread may ask for it."""
        self._loop.call_soon_threadsafe(function, *arguments)


_lock = threading.Lock()
_shared: list[Loop] = []


def shared_loop() -> Loop:
    """The process's loop; the first call starts it."""
    with _lock:
        if not _shared:
            _shared.append(Loop())
        return _shared[0]
