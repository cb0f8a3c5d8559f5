"""Submits pending payments to the central bank, in order and again until the feed ends them.

Each bank that is paid has its own lane (`operator_bank.payments.lanes`) and its share of every
submission.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import select, text

from dcep.bank.v1 import states_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.context import Context
from operator_bank.limits import ISOLATED_MS, MAX_ISOLATED, MAX_LANES_AT_ONCE, SUBMIT_ITEMS
from operator_bank.payments.lanes import Lane
from operator_bank.payments.tables import IS_PENDING, outbound
from runtime.errors import Refusal
from runtime.logs import logger

PENDING = states_pb2.PAYMENT_STATE_PENDING
_ENDED = frozenset(
    (
        registration_pb2.OUTCOME_STATE_SETTLED,
        registration_pb2.OUTCOME_STATE_REFUSED,
        registration_pb2.OUTCOME_STATE_EXPIRED,
    )
)
# Looks each destination up in the index; DISTINCT would read all pending rows.
_DESTINATIONS = text(
    "WITH RECURSIVE found (destination) AS ("
    "SELECT MIN(destination) FROM outbound WHERE state = 1 AND destination > ''"
    " UNION ALL SELECT (SELECT MIN(o.destination) FROM outbound o"
    " WHERE o.state = 1 AND o.destination > found.destination)"
    " FROM found WHERE found.destination IS NOT NULL"
    ") SELECT destination FROM found WHERE destination IS NOT NULL"
)
_ITEM = re.compile(r"payments\[([0-9]{1,9})\]")


class _Share(NamedTuple):
    """The payments of one lane in a submission."""

    lane: Lane
    numbers: list[int]
    new: bool
    full: bool


class Outbound:
    """The pending outbound payments; `step` submits those that were not submitted lately."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._central_bank = context.central_bank
        self._clock = context.clock
        self._ended = threading.Condition()
        self._lanes: dict[str, Lane] = {}
        self._last = ""
        self._isolated: dict[int, int] = {}
        self.on_work: Callable[[], None] = lambda: None
        self.on_ended: Callable[[], None] = lambda: None

    def wake(self) -> None:
        """Says that there is something new to submit."""
        self.on_work()

    def step(self) -> bool:
        """Submits the next payments of each lane, in order; returns True if there may be more.

        A payment that the central bank could not settle yet is submitted again after a second,
        later less often. One that it decided and that the feed has not ended is submitted again
        after ten seconds. The central bank knows each by its number.
        """
        chosen, more = self._choose()
        batch = registration_pb2.OutboundBatch()
        shares: list[_Share] = []
        for name in chosen:
            shares += self._shares(self._lanes[name], name, SUBMIT_ITEMS // len(chosen), batch)
        if not batch.payments:
            return False
        try:
            outcomes = self._central_bank.submit(batch)
        except Refusal as refusal:
            self._isolate(batch, refusal)
            return True
        self._last = chosen[-1]
        ended = {outcome.number for outcome in outcomes if outcome.state in _ENDED}
        now_ms = self._clock.monotonic_ms()
        for share in shares:
            count = sum(number in ended for number in share.numbers)
            if share.new:
                share.lane.submitted_new(share.numbers, count, now_ms)
            else:
                share.lane.submitted_again(share.numbers, count, now_ms, over=not share.full)
        if len(ended) < len(batch.payments):
            self.ended()  # nobody need wait any longer for a payment in a silent lane
        return more or any(share.full for share in shares)

    def _isolate(self, batch: registration_pb2.OutboundBatch, refusal: Refusal) -> None:
        """Leaves out a payment for a while, if the central bank refuses the whole call because of
        it.
        """
        item = _ITEM.match(refusal.field)
        now_ms = self._clock.monotonic_ms()
        self._isolated = {n: until for n, until in self._isolated.items() if until > now_ms}
        if item is None or len(self._isolated) >= MAX_ISOLATED:
            raise refusal
        place = int(item[1])
        if place >= len(batch.payments):
            raise refusal
        number = batch.payments[place].number
        self._isolated[number] = now_ms + ISOLATED_MS
        logger("outbound").error("payment left out", number=number, refused=str(refusal))

    def _choose(self) -> tuple[list[str], bool]:
        """Names of the lanes of the next submission, which take turns; and whether there are
        more.
        """
        found = self._database.read(lambda c: c.execute(_DESTINATIONS).scalars().all())
        names = sorted(found)
        self._lanes = {name: self._lanes.get(name) or Lane() for name in names}
        turn = [name for name in names if name > self._last] + [
            name for name in names if name <= self._last
        ]
        return turn[:MAX_LANES_AT_ONCE], len(turn) > MAX_LANES_AT_ONCE

    def _shares(
        self, lane: Lane, name: str, most: int, batch: registration_pb2.OutboundBatch
    ) -> list[_Share]:
        """Adds a lane's share to a batch: new payments, and, if it is time, those that went out
        before.

        Neither kind can keep the other from going out.
        """
        now_ms = self._clock.monotonic_ms()
        shares: list[_Share] = []
        if lane.sent and lane.again_at_ms <= now_ms:
            part = max(1, most // 2)
            again = self._rows(name, lane.again_after, lane.sent, part)
            if again:
                shares.append(_add(batch, lane, again, new=False, full=len(again) == part))
            else:
                lane.nothing_again(now_ms)
        part = max(1, most - sum(len(share.numbers) for share in shares))
        new = self._rows(name, lane.sent, None, part)
        if new:
            shares.append(_add(batch, lane, new, new=True, full=len(new) == part))
        return shares

    def _rows(
        self, destination: str, after: int, upto: int | None, most: int
    ) -> Sequence[tuple[int, bytes]]:
        """(number, body) of pending payments in a lane, in order of number."""
        of = outbound.c
        query = (
            select(of.number, of.body)
            .where(IS_PENDING, of.destination == destination, of.number > after)
            .order_by(of.number)
            .limit(most)
        )
        if upto is not None:
            query = query.where(of.number <= upto)
        now_ms = self._clock.monotonic_ms()
        isolated = [number for number, until_ms in self._isolated.items() if until_ms > now_ms]
        if isolated:
            query = query.where(of.number.not_in(isolated))
        return [
            (row.number, row.body) for row in self._database.read(lambda c: c.execute(query).all())
        ]

    def state(self, number: int) -> tuple[int, int]:
        """(PaymentState, Reason) of an outbound payment or load."""
        return self._state(number)[:2]

    def _state(self, number: int) -> tuple[int, int, str]:
        """As `state`, with the destination."""
        of = outbound.c
        query = select(of.state, of.reason, of.destination).where(of.number == number)
        row = self._database.read(lambda c: c.execute(query).first())
        return (row.state, row.reason, row.destination) if row is not None else (PENDING, 0, "")

    def wait(self, number: int, timeout_s: float) -> tuple[int, int]:
        """As `state`, after waiting for the payment to end, for at most `timeout_s`.

        It does not wait for a payment to a bank whose payments do not end.
        """
        ended: tuple[int, int] = (PENDING, 0)

        def over() -> bool:
            nonlocal ended
            state, reason, destination = self._state(number)
            ended = state, reason
            lane = self._lanes.get(destination)
            return state != PENDING or (lane is not None and lane.silent)

        self.wait_until(over, timeout_s)
        return ended

    def over(self, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
        """(PaymentState, Reason) of those payments that nobody need wait for, as in `wait`, by
        number.
        """
        of = outbound.c
        query = select(of.number, of.state, of.reason, of.destination).where(of.number.in_(numbers))
        rows = self._database.read(lambda c: c.execute(query).all())
        silent = {name for name, lane in self._lanes.copy().items() if lane.silent}
        return {
            row.number: (row.state, row.reason)
            for row in rows
            if row.state != PENDING or row.destination in silent
        }

    def wait_until(self, over: Callable[[], bool], timeout_s: float) -> bool:
        """Waits until `over` is true, which is looked at whenever the feed was applied, or time
        runs out.
        """
        with self._ended:
            return self._ended.wait_for(over, max(0.0, timeout_s))

    def ended(self) -> None:
        """Says that payments have ended, so that those that wait look again."""
        with self._ended:
            self._ended.notify_all()
        self.on_ended()


def _add(
    batch: registration_pb2.OutboundBatch,
    lane: Lane,
    rows: Sequence[tuple[int, bytes]],
    *,
    new: bool,
    full: bool,
) -> _Share:
    """Adds a lane's payments to a batch."""
    add = batch.payments.add
    for number, body in rows:
        add(number=number).MergeFromString(body)
    return _Share(lane, [number for number, _ in rows], new, full)
