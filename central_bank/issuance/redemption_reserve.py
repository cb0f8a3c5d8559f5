"""Has banks reserve money for redemptions, without holding a lock until they answer.

Once a second officer approves it, a redemption is ASKING until its bank has reserved the money,
then RESERVED, and OVER when its act has ended. The officer who approves hears the answer if it
comes at once. Else a background step asks again, and the act has to be approved once more.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from central_bank.authentication.tables import office
from central_bank.context import Context
from central_bank.issuance.tables import redemptions
from central_bank.limits import PATIENCE_S
from central_bank.peers.asking import Asking
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from runtime.errors import NoAnswer, Refusal

ASKING, RESERVED, OVER = "asking", "reserved", "over"
_OF = redemptions.c
_ACTS = office.acts


class _Told(NamedTuple):
    """A bank's answer about a redemption, which may be that it gave none."""

    row: Row[Any]
    answer: Future[None]


class RedemptionReserves:
    """Asks banks, and writes down their answers. It holds no lock while a bank is waited for."""

    def __init__(self, context: Context, asking: Asking) -> None:
        self._database = context.database
        self._registry = context.registry
        self._asking = asking
        self._lock = threading.Lock()
        self._on_their_way: set[int] = set()
        # Bounded by what each bank may be asked at once.
        self._told: queue.SimpleQueue[_Told] = queue.SimpleQueue()
        self.on_told: Callable[[], None] = lambda: None
        self.on_short: Callable[[int], None] = lambda _: None
        """Called with the number of a redemption if a late answer says that the vault is short."""

    def ask(self, number: int, bank: int, amount_fen: int) -> None:
        """Asks the bank of a redemption, and waits a moment for a quick answer.

        Args:
            number: of the redemption's act.
            bank: the bank's index.
            amount_fen: how much is to be reserved.

        Raises:
            Refusal: VAULT_SHORT, the redemption is not possible.
        """
        row = self._row(number, bank, amount_fen)
        if row is None or row.state != ASKING:
            return
        answer, waited_for = self._begin(row)
        if answer is None:
            return
        if waited_for:
            wait([answer], PATIENCE_S)
        if answer.done():
            if not self._write(_Told(row, answer)):
                raise _error(answer)
            return
        answer.add_done_callback(partial(self._came_late, row))

    def is_reserved(self, number: int) -> bool:
        """Whether the bank has answered that it reserved the money."""
        query = select(_OF.state).where(_OF.number == number)
        return self._database.read(lambda c: c.execute(query).scalar()) == RESERVED

    def over(self, connection: Connection, number: int) -> None:
        """Notes that the act has ended, in its transaction; the bank is not asked any more."""
        connection.execute(update(redemptions).where(_OF.number == number).values(state=OVER))

    def step(self) -> bool:
        """Writes down late answers and asks again, once for each bank; returns True if there were
        any.
        """
        busy = False
        while not self._told.empty():
            told = self._told.get()
            if not self._write(told):
                self.on_short(told.row.number)
            busy = True
        for row in self._due():
            answer, _ = self._begin(row)
            if answer is not None:
                answer.add_done_callback(partial(self._came_late, row))
        return busy

    def _row(self, number: int, bank: int, amount_fen: int) -> Row[Any] | None:
        """The redemption's row, inserted the first time; None if its act had ended before."""
        query = select(redemptions).where(_OF.number == number)
        values = {"number": number, "bank": bank, "amount_fen": amount_fen, "state": ASKING}
        # Locked, so that the act cannot end between this look and the insert.
        act = select(_ACTS.c.state).where(_ACTS.c.id == number).with_for_update()

        def body(connection: Connection) -> Row[Any] | None:
            is_open = connection.execute(act).scalar() == office_pb2.ACT_STATE_OPEN
            if is_open and connection.execute(query).first() is None:
                connection.execute(insert(redemptions).values(values))
            return connection.execute(query).first()

        return self._database.transaction(body)

    def _due(self) -> list[Row[Any]]:
        """The oldest redemption of each bank that is not known to be reserved."""
        query = select(redemptions).where(_OF.state == ASKING).order_by(_OF.number.desc())
        rows = self._database.read(lambda c: c.execute(query).all())
        due = [row for row in rows if row.number not in self._on_their_way]
        return list({row.bank: row for row in due}.values())

    def _begin(self, row: Row[Any]) -> tuple[Future[None] | None, bool]:
        """Begins to ask; gives the answer to come and whether to wait, or None if the bank is not
        asked.
        """
        bank = next(bank for bank in self._registry.all() if bank.index == row.bank)
        with self._lock:
            if row.number in self._on_their_way:
                return None, False
            self._on_their_way.add(row.number)
        asked = None
        try:
            asked = self._asking.reserve_for_redemption(bank, row.number, row.amount_fen)
        finally:
            if asked is None:
                self._on_their_way.discard(row.number)
        return (asked.answer, asked.waited_for) if asked is not None else (None, False)

    def _came_late(self, row: Row[Any], answer: Future[None]) -> None:
        self._told.put(_Told(row, answer))
        self.on_told()

    def _write(self, told: _Told) -> bool:
        """Writes down what a bank said; returns False if its vault is short."""
        row, error = told.row, told.answer.exception()
        self._on_their_way.discard(row.number)
        if error is None:
            # Only if it is still ASKING: the act may have ended meanwhile.
            statement = update(redemptions).where(_OF.number == row.number, _OF.state == ASKING)
            self._database.transaction(
                lambda c: c.execute(statement.values(state=RESERVED)) and None
            )
        elif isinstance(error, Refusal) and error.reason == errors_pb2.REASON_VAULT_SHORT:
            return False
        elif not isinstance(error, NoAnswer | Refusal):
            raise error
        return True


def _error(answer: Future[None]) -> BaseException:
    error = answer.exception()
    assert error is not None
    return error
