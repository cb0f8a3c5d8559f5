"""Sends loads and deposits that have not ended again, so that none of them holds up another.

Each item goes out again after a pause of its own, which grows. An item for which the central bank
refuses the whole call is left out of the other items' calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select

from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.context import Context
from operator_bank.limits import ISOLATED_MS, RESENT_DEPOSITS, RESENT_LOADS
from operator_bank.offline.tables import token_deposits
from operator_bank.payments.tables import IS_PENDING, outbound
from runtime.clock import Clock
from runtime.ed25519 import PUBLIC_KEY_BYTES
from runtime.errors import NoAnswer, Refusal
from runtime.logs import logger

DepositOutcome = registration_pb2.DepositOutcome
_FIRST_PAUSE_MS = 1_000
_LONGEST_DOUBLINGS = 6
_ABOUT_THE_ITEM = frozenset(
    (
        errors_pb2.REASON_FIELD_MISSING,
        errors_pb2.REASON_FIELD_INVALID,
        errors_pb2.REASON_AMOUNT_INVALID,
    )
)


class ResendTurns:
    """Decides which pending items may go out now; each has pauses of its own.

    Args:
        find: gives up to so many numbers of pending items after a number, in order.
        clock: for the pauses.
    """

    def __init__(self, find: Callable[[int, int], Sequence[int]], clock: Clock) -> None:
        self._find = find
        self._clock = clock
        self._after = 0
        self._pauses: dict[int, tuple[int, int]] = {}
        """By number: when the item may go out again (monotonic ms), and how often it went out."""

    def next(self, most: int) -> list[int]:
        """The next items that may go out now; each call continues after the last."""
        found = list(self._find(self._after, most))
        if len(found) < most:
            # The end of a round. Items that are no longer pending lose their pauses here.
            self._after = 0
            now_ms = self._clock.monotonic_ms()
            self._pauses = {n: p for n, p in self._pauses.items() if p[0] > now_ms - ISOLATED_MS}
        else:
            self._after = found[-1]
        now_ms = self._clock.monotonic_ms()
        return [number for number in found if self._pauses.get(number, (0, 0))[0] <= now_ms]

    def went_out(self, numbers: Sequence[int]) -> None:
        """Notes that items went out: they may go out again after their pauses."""
        now_ms = self._clock.monotonic_ms()
        for number in numbers:
            times = self._pauses.get(number, (0, 0))[1]
            pause_ms = _FIRST_PAUSE_MS << min(times, _LONGEST_DOUBLINGS)
            self._pauses[number] = (now_ms + pause_ms, times + 1)

    def leave_out(self, number: int) -> None:
        """Leaves an item out for a long pause."""
        self._pauses[number] = (self._clock.monotonic_ms() + ISOLATED_MS, _LONGEST_DOUBLINGS)


class Resending:
    """Sends loads and deposits again.

    Args:
        database: where they are.
        central_bank: they are sent to.
        clock: for the pauses.
        end: ends a deposit, by its row and the outcome, if the central bank has refused it.
        possession: what a device, by its certificate, signed to be certified here.
    """

    def __init__(
        self,
        context: Context,
        end: Callable[[Row[Any], DepositOutcome], None],
        possession: Callable[[bytes], bytes],
    ) -> None:
        self._database = context.database
        self._central_bank = context.central_bank
        self._end = end
        self._possession = possession
        self._loads = ResendTurns(self._pending_loads, context.clock)
        self._deposits = ResendTurns(self._pending_deposits, context.clock)
        self._log = logger("offline")

    def step_loads(self) -> bool:
        """Registers some loads again; the feed ends them. Returns True if there may be more to send
        now.
        """
        numbers = self._loads.next(RESENT_LOADS)
        for row in self._rows(select(outbound), outbound.c.number, numbers):
            # Before the call, so that a load that gets no answer does not come first the next time.
            self._loads.went_out([row.number])
            try:
                certificate = bytes(row.body)
                self._central_bank.register(
                    row.number, row.amount_fen, certificate, self._possession(certificate)
                )
            except Refusal as refusal:
                if refusal.reason not in _ABOUT_THE_ITEM:
                    raise
                self._leave_out(self._loads, "load", row.number, refusal)
        return len(numbers) == RESENT_LOADS

    def step_deposits(self) -> bool:
        """Sends some deposits again; returns True if there may be more to send now."""
        numbers = self._deposits.next(RESENT_DEPOSITS)
        rows = self._rows(select(token_deposits), token_deposits.c.id, numbers)
        if not rows:
            return False
        self._deposits.went_out([row.id for row in rows])
        ended = self._deposit(rows)
        return ended or len(numbers) == RESENT_DEPOSITS

    def _deposit(self, rows: Sequence[Row[Any]]) -> bool:
        """Sends deposits; returns whether one of them ended. A refused call is made again in
        halves.
        """
        try:
            outcomes = self._central_bank.deposit([deposit_item(row) for row in rows])
        except Refusal as refusal:
            if refusal.reason not in _ABOUT_THE_ITEM:
                raise
            if len(rows) > 1:
                half = len(rows) // 2
                ended = [self._deposit(rows[:half]), self._deposit(rows[half:])]
                return any(ended)
            self._leave_out(self._deposits, "deposit", rows[0].id, refusal)
            return False
        if [outcome.number for outcome in outcomes] != [row.id for row in rows]:
            raise NoAnswer("the central bank answered for other deposits")
        for row, outcome in zip(rows, outcomes, strict=True):
            self._end(row, outcome)
        return any(o.state != registration_pb2.OUTCOME_STATE_PENDING for o in outcomes)

    def _leave_out(self, turns: ResendTurns, what: str, number: int, refusal: Refusal) -> None:
        turns.leave_out(number)
        self._log.error(f"{what} left out", number=number, refused=str(refusal))

    def _pending_loads(self, after: int, most: int) -> Sequence[int]:
        of = outbound.c
        query = select(of.number).where(IS_PENDING, of.destination == "", of.number > after)
        return self._numbers(query.order_by(of.number).limit(most))

    def _pending_deposits(self, after: int, most: int) -> Sequence[int]:
        of = token_deposits.c
        query = select(of.id).where(IS_PENDING, of.id > after)
        return self._numbers(query.order_by(of.id).limit(most))

    def _numbers(self, query: Select[int]) -> Sequence[int]:
        return self._database.read(lambda c: c.execute(query).scalars().all())

    def _rows(
        self, query: Select[Any], column: ColumnElement[int], numbers: Sequence[int]
    ) -> Sequence[Row[Any]]:
        if not numbers:
            return []
        these = query.where(IS_PENDING, column.in_(numbers)).order_by(column)
        return self._database.read(lambda c: c.execute(these).all())


def deposit_item(row: Row[Any]) -> registration_pb2.TokenDepositItem:
    """A deposit as it is sent to the central bank, from its row in `token_deposits`."""
    order = orders_pb2.DepositOrder.FromString(bytes(row.order_payload))
    keys = bytes(row.own_keys)
    return registration_pb2.TokenDepositItem(
        number=row.id,
        offline_payment=order.offline_payment,
        own_device_keys=[
            keys[at : at + PUBLIC_KEY_BYTES] for at in range(0, len(keys), PUBLIC_KEY_BYTES)
        ],
    )
