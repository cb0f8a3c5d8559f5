"""Waits for payments to other banks to end: one thread looks for all callers on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from dcep.bank.v1 import states_pb2
from operator_bank.limits import ENDS_AT_ONCE
from runtime.chunks import chunks
from runtime.logs import logger
from runtime.loop import shared_loop

End = tuple[int, int]
"""PaymentState, and the Reason of the other bank's refusal."""

_PENDING: End = (states_pb2.PAYMENT_STATE_PENDING, 0)


class Ends:
    """Lets callers wait for ends. Its thread starts with the first caller and runs with the
    process.
    """

    def __init__(self, look: Callable[[Sequence[int]], Mapping[int, End]]) -> None:
        """Args:
        look: given up to ENDS_AT_ONCE numbers, gives the ends of those that nobody need wait
            for.
        """
        self._look = look
        self._waiting: dict[int, set[asyncio.Future[End]]] = {}
        self._new: deque[int] = deque()
        self._all = threading.Event()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = logger("ends")

    def told(self) -> None:
        """Is told that payments have ended; from any thread."""
        self._all.set()
        self._woken.set()

    async def of(self, number: int, within_s: float) -> End:
        """Waits for the end of a payment; PENDING if it does not end in time."""
        waiter: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(number, set()).add(waiter)
        self._new.append(number)
        self._woken.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ends", daemon=True)
            self._thread.start()
        try:
            return await asyncio.wait_for(waiter, max(0.0, within_s))
        except TimeoutError:
            return _PENDING
        finally:
            self._waiting[number].discard(waiter)
            if not self._waiting[number]:
                del self._waiting[number]

    def _run(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            new = [self._new.popleft() for _ in range(len(self._new))]
            if self._all.is_set():
                self._all.clear()
                new = list(self._waiting)
            try:
                for chunk in chunks(new, ENDS_AT_ONCE):
                    ended = self._look(chunk)
                    if ended:
                        shared_loop().call(self._tell, ended)
            except Exception:  # noqa: BLE001 - who waits is told PENDING in time, which is so
                self._log.exception("ends could not be looked for")

    def _tell(self, ended: Mapping[int, End]) -> None:
        for number, end in ended.items():
            for waiter in self._waiting.get(number, ()):
                if not waiter.done():
                    waiter.set_result(end)
