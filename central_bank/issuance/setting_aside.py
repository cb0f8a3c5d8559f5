"""Having banks set money aside for redemptions: asked without holding anything, until they answer.

A redemption is ASKING until its bank has set the money aside, and then WAITING for an officer. Who
asked for it hears the answer if it comes at once; else a background step asks again.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Row, select, update

from central_bank.asking import Asking
from central_bank.authentication.registry import Registry
from central_bank.limits import PATIENCE_S
from central_bank.tables import office_requests
from dcep.errors.v1 import errors_pb2
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import NoAnswer, Refusal

ASKING, WAITING, REJECTED = "asking", "waiting", "rejected"
_OF = office_requests.c


class _Told(NamedTuple):
    """What a bank said about a request, or that it said nothing."""

    row: Row[Any]
    answer: Future[None]


class SettingAside:
    """Asks banks, and writes down what they say. Holds no lock while a bank is waited for."""

    def __init__(
        self, database: Database, registry: Registry, asking: Asking, clock: Clock
    ) -> None:
        self._database = database
        self._registry = registry
        self._asking = asking
        self._clock = clock
        self._lock = threading.Lock()
        self._on_their_way: set[int] = set()
        # Bounded by what each bank may be asked at once.
        self._told: queue.SimpleQueue[_Told] = queue.SimpleQueue()
        self.on_told: Callable[[], None] = lambda: None

    def ask(self, row: Row[Any]) -> None:
        """Asks the bank of a request; waits a moment for the answer, if the bank is one for that.

        Raises:
            Refusal: VAULT_SHORT; the request is over.
        """
        answer, waited_for = self._begin(row)
        if answer is None:
            return
        if waited_for:
            wait([answer], PATIENCE_S)
        if answer.done():
            self._write(_Told(row, answer))
            error = answer.exception()
            if isinstance(error, Refusal) and error.reason == errors_pb2.REASON_VAULT_SHORT:
                raise error
            return
        answer.add_done_callback(partial(self._came_late, row))

    def step(self) -> bool:
        """Writes down what came late and asks again, once for each bank; True to go on at once."""
        busy = False
        while not self._told.empty():
            self._write(self._told.get())
            busy = True
        for row in self._due():
            answer, _ = self._begin(row)
            if answer is not None:
                answer.add_done_callback(partial(self._came_late, row))
        return busy

    def _due(self) -> list[Row[Any]]:
        """The oldest request of each bank whose money is not known to lie aside."""
        query = select(office_requests).where(_OF.state == ASKING).order_by(_OF.id.desc())
        rows = self._database.read(lambda c: c.execute(query).all())
        return list({row.bank: row for row in rows if row.id not in self._on_their_way}.values())

    def _begin(self, row: Row[Any]) -> tuple[Future[None] | None, bool]:
        """The answer that is on its way, and whether to wait; None when the bank is not asked."""
        bank = next(bank for bank in self._registry.all() if bank.index == row.bank)
        with self._lock:
            if row.id in self._on_their_way:
                return None, False
            self._on_their_way.add(row.id)
        asked = None
        try:
            asked = self._asking.set_aside(bank, row.id, row.amount_fen)
        finally:
            if asked is None:
                self._on_their_way.discard(row.id)
        return (asked.answer, asked.waited_for) if asked is not None else (None, False)

    def _came_late(self, row: Row[Any], answer: Future[None]) -> None:
        self._told.put(_Told(row, answer))
        self.on_told()

    def _write(self, told: _Told) -> None:
        row, error = told.row, told.answer.exception()
        self._on_their_way.discard(row.id)
        if error is None:
            self._move(row, state=WAITING)
        elif isinstance(error, Refusal) and error.reason == errors_pb2.REASON_VAULT_SHORT:
            name = next(bank.name for bank in self._registry.all() if bank.index == row.bank)
            now_ms = self._clock.now_ms()
            self._move(row, state=REJECTED, checker=f"bank/{name}", decided_time_ms=now_ms)
        elif not isinstance(error, NoAnswer | Refusal):
            raise error

    def _move(self, row: Row[Any], **values: object) -> None:
        """Only from ASKING: an officer may have turned the request down meanwhile."""
        statement = update(office_requests).where(_OF.id == row.id, _OF.state == ASKING)
        self._database.transaction(lambda c: c.execute(statement.values(values)) and None)
