"""Tells other banks of requests to pay, again until they have heard, and takes what they tell.

The sending bank answers for its wallets' keys; that a request is of one of its wallets the central
bank has checked, which carries it. What is taken and what is left out gets one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select, update

from currency.days import DAY_MS
from currency.number import prefix_of
from dcep.bank.v1 import inbound_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.asking import new_requests, rows
from operator_bank.asking.asks import DECLINE, REMIND, WITHDRAW, check_due, check_reminder
from operator_bank.asking.rows import DECLINED, OPEN, WITHDRAWING, WITHDRAWN
from operator_bank.asking.tables import IS_TO_BE_TOLD, asked
from operator_bank.context import Context
from operator_bank.limits import (
    ASKED_OF_BANK_PER_DAY,
    CARRY_AGAIN_MS,
    CARRY_ITEMS,
    CARRY_SLOWEST_MS,
    MAX_CARRIED_BANKS,
)
from operator_bank.sub_wallets.arrivals import Arrivals
from operator_bank.wallets.directory import Directory
from runtime.envelope import verify
from runtime.errors import NoAnswer, Refusal, is_undecided
from runtime.logs import logger
from runtime.messages import read_payload
from runtime.shares import overloaded

CarriedRequest = inbound_pb2.CarriedRequest
_OF = asked.c


class Carrying:
    """Tells other banks; `step` tells those that have not heard, each at its own pace."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._central_bank = context.central_bank
        self._clock = context.clock
        self._again: dict[str, tuple[int, int]] = {}
        """By prefix: when a bank is told again, and how long after the last time that was."""

    def step(self) -> bool:
        """Tells some banks what they have not heard; returns True if there may be more."""
        query = select(_OF.other).where(IS_TO_BE_TOLD).distinct()
        waiting = self._database.read(lambda c: c.scalars(query).all())
        self._again = {prefix: kept for prefix, kept in self._again.items() if prefix in waiting}
        now_ms = self._clock.monotonic_ms()
        due = [one for one in waiting if self._again.get(one, (0, 0))[0] <= now_ms]
        return any([self._tell(prefix) for prefix in sorted(due)[:MAX_CARRIED_BANKS]])

    def _tell(self, prefix: str) -> bool:
        query = select(asked).where(IS_TO_BE_TOLD, _OF.other == prefix)
        query = query.order_by(_OF.number).limit(CARRY_ITEMS)
        found = self._database.read(lambda c: c.execute(query).all())
        try:
            self._central_bank.carry(prefix, [_carried(row) for row in found])
        except (NoAnswer, Refusal) as error:
            if isinstance(error, NoAnswer) or is_undecided(error.reason):
                self._later(prefix)
                return False
            # There is no such bank: nobody there will ever pay.
            logger("asking").warning("nobody hears it", prefix=prefix, refused=str(error))
        self._again.pop(prefix, None)
        self._database.transaction(lambda c: _told(c, found))
        return len(found) == CARRY_ITEMS

    def _later(self, prefix: str) -> None:
        waited_ms = self._again.get(prefix, (0, 0))[1]
        wait_ms = min(CARRY_SLOWEST_MS, max(CARRY_AGAIN_MS, 2 * waited_ms))
        self._again[prefix] = self._clock.monotonic_ms() + wait_ms, wait_ms


def _carried(row: Row[Any]) -> CarriedRequest:
    carried = CarriedRequest(request=rows.request_envelope(row), request_key=row.key)
    if row.change_payload:
        payload = bytes(row.change_payload)
        carried.change.CopyFrom(
            SignedEnvelope(
                payload=payload,
                signature=row.change_signature,
                key_id=orders_pb2.ChangeAskedOrder.FromString(payload).wallet_number.encode(),
            )
        )
        carried.change_key = row.change_key
    return carried


def _told(connection: Connection, found: Sequence[Row[Any]]) -> None:
    """Notes that a bank has heard of requests, and of the changes that they had then."""
    for row in found:
        this = (_OF.number == row.number, _OF.change_payload == row.change_payload)
        connection.execute(update(asked).where(*this).values(to_tell=0))
        withdrawn = update(asked).where(*this, _OF.state == int(WITHDRAWING))
        connection.execute(withdrawn.values(state=int(WITHDRAWN)))


class _Heard(NamedTuple):
    """What another bank tells, verified.

    Attributes:
        asks: the prefix of the bank whose wallet asks.
    """

    item: CarriedRequest
    request: orders_pb2.RequestToPay
    payload: bytes
    change: orders_pb2.ChangeAskedOrder | None
    asks: str


class Taking:
    """The use-case behind TakeRequests."""

    def __init__(self, context: Context, directory: Directory, arrivals: Arrivals) -> None:
        self._database = context.database
        self._clock = context.clock
        self._prefix = context.prefix
        self._directory = directory
        self._arrivals = arrivals

    def take(self, items: list[CarriedRequest]) -> None:
        """Takes what another bank tells; what is no good is left out.

        Raises:
            Refusal: OVERLOADED, for as many as a bank may tell a day.
        """
        now_ms, heard = self._clock.now_ms(), []
        for item in items:
            with suppress(Refusal):
                heard.append(_read(item, self._prefix))
        # Looked up before all others have to wait for this transaction.
        others = {one.asks for one in heard} - {self._prefix}
        left = {prefix: self._left(prefix, now_ms) for prefix in others}

        def body(connection: Connection) -> int:
            taken, room = 0, dict(left)
            for one in heard:
                try:
                    self._take(connection, one, room, now_ms)
                    taken += 1
                except Refusal as refusal:
                    if refusal.reason == errors_pb2.REASON_OVERLOADED:
                        raise
            return taken

        taken = self._database.transaction(body)
        if taken < len(items):
            logger("asking").warning("left out", requests=len(items) - taken)

    def _left(self, other: str, now_ms: int) -> int:
        """How many requests may still come from a bank today."""
        day = _OF.received_time_ms > now_ms - DAY_MS
        count = select(func.count()).where(_OF.other == other, day)
        return ASKED_OF_BANK_PER_DAY - (self._database.read(lambda c: c.scalar(count)) or 0)

    def _take(
        self, connection: Connection, heard: _Heard, room: dict[str, int], now_ms: int
    ) -> None:
        """Takes one. Raises Refusal, and has written nothing then.

        Args:
            room: how many may still come from each bank today; one fewer after a new one.
        """
        item, request, payload, change = heard.item, heard.request, heard.payload, heard.change
        row = rows.find(connection, rows.id_of(request), locked=True)
        if row is None:
            if heard.asks == self._prefix:
                raise rows.unknown()
            if room[heard.asks] <= 0:
                raise overloaded("so many requests to pay are taken from one bank a day")
            signed = new_requests.Signed(request, payload, item.request.signature, item.request_key)
            if not self._put(connection, signed, heard.asks, now_ms):
                return
            room[heard.asks] -= 1
            row = rows.find(connection, rows.id_of(request), locked=True)
        if row is None or bytes(row.payload) != payload:
            raise rows.unknown()
        if change is not None and _apply(connection, row, change, item, now_ms) == REMIND:
            self._arrivals.reminded(connection, row, now_ms)

    def _put(
        self, connection: Connection, signed: new_requests.Signed, other: str, now_ms: int
    ) -> bool:
        """Keeps a request that is new here and that its payer is shown; returns whether it is."""
        check_due(signed.content, now_ms)
        # Whatever names that bank gives to those who ask.
        new_requests.forget(connection, now_ms, _OF.other == other)
        new_requests.check_room(connection, signed.content, now_ms)
        if not self._arrivals.is_shown(connection, signed.content, now_ms):
            return False
        new_requests.keep(
            connection, signed, other=other, is_shown=True, to_tell=False, now_ms=now_ms
        )
        self._arrivals.arrived(connection, signed.content, now_ms)
        return True


def _read(item: CarriedRequest, own_prefix: str) -> _Heard:
    """What another bank tells this one. Raises Refusal, if that is no good."""
    payload = verify(orders_pb2.RequestToPay, item.request, item.request_key)
    request = read_payload(orders_pb2.RequestToPay, payload)
    change = _change_of(item, rows.id_of(request))
    asks, pays = prefix_of(request.wallet_number), prefix_of(request.payer_number)
    if own_prefix not in (asks, pays) or asks == pays:
        raise rows.unknown()
    return _Heard(item, request, payload, change, asks)


def _change_of(item: CarriedRequest, request: str) -> orders_pb2.ChangeAskedOrder | None:
    """The verified change that comes with a request. Raises Refusal."""
    if not item.HasField("change"):
        return None
    payload = verify(orders_pb2.ChangeAskedOrder, item.change, item.change_key)
    change = read_payload(orders_pb2.ChangeAskedOrder, payload)
    if change.request_to_pay_id != request:
        raise rows.unknown()
    return change


def _apply(
    connection: Connection,
    row: Row[Any],
    change: orders_pb2.ChangeAskedOrder,
    item: CarriedRequest,
    now_ms: int,
) -> int:
    """Applies what the wallet at the other bank has ordered about a request; returns which change
    that was, 0 for none.
    """
    values: dict[str, Any] = {}
    by_asker = not row.shown  # a row with the payer elsewhere is its asker's
    if by_asker and change.wallet_number == row.payer and change.change == DECLINE:
        if row.state in (OPEN, WITHDRAWING):
            values = {"state": int(DECLINED)}
    elif not by_asker and change.wallet_number == row.asker:
        if change.change == WITHDRAW and row.state == OPEN:
            values = {"state": int(WITHDRAWN)}
        elif change.change == REMIND and bytes(row.change_payload) != item.change.payload:
            check_reminder(row, now_ms)
            values = {"reminders": row.reminders + 1, "reminded_time_ms": now_ms}
    if values:
        values |= {
            "change_key": item.change_key,
            "change_payload": item.change.payload,
            "change_signature": item.change.signature,
            "to_tell": 0,
        }
        connection.execute(update(asked).where(_OF.number == row.number).values(values))
        return int(change.change)
    return 0
