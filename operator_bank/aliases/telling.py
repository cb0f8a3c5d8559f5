"""Tells the directory of aliases what holders have ordered, again until it has heard, and looks how
claims stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from currency.aliases import AliasKind
from currency.days import DAY_MS
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import aliases_pb2
from operator_bank.aliases import rows
from operator_bank.aliases.tables import IS_TO_BE_TOLD, aliases
from operator_bank.context import Context
from operator_bank.limits import (
    ALIAS_AGAIN_MS,
    ALIAS_LOOK_MS,
    ALIASES_ASKED,
    ALIASES_TOLD,
    CLAIMS_LISTED,
)
from operator_bank.wallets.directory import Directory
from runtime.chunks import chunks
from runtime.errors import NoAnswer, Refusal
from settlement.records import AccountFlag

HELD = aliases_pb2.ALIAS_STANDING_HELD
CONTESTED = aliases_pb2.ALIAS_STANDING_CONTESTED
CLAIMED = aliases_pb2.ALIAS_STANDING_CLAIMED
_OF = aliases.c
_CLOSED = int(AccountFlag.CLOSED)
_WAITING = int(rows.WAITING), int(rows.CONTESTED)


class AliasTelling:
    """Tells the directory; `step` tells what it has not heard. For one thread."""

    def __init__(self, context: Context, directory: Directory) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._central_bank = context.central_bank
        self._clock = context.clock
        self._directory = directory
        self._number = 0
        self._again_ms = 0
        self._look_ms = 0
        self._all_ms = 0
        self._looked_at = 0
        """The number of the last row whose wallet was looked at since the start."""

    def step(self) -> bool:
        """Tells some of what is to be told; returns True if there may be more.

        Raises:
            NoAnswer, Refusal: the directory did not take it now.
        """
        now_ms = self._clock.monotonic_ms()
        if now_ms < self._again_ms:
            return False
        try:
            more = self._tell() or self._end_closed()
            if now_ms >= self._look_ms and self._database.read(_any):
                self._look()
                self._look_ms = now_ms + ALIAS_LOOK_MS
        except (NoAnswer, Refusal):
            self._again_ms = now_ms + ALIAS_AGAIN_MS
            raise
        return more

    def _tell(self) -> bool:
        query = select(aliases).where(IS_TO_BE_TOLD).order_by(_OF.number).limit(ALIASES_TOLD)
        found = self._database.read(lambda c: c.execute(query).all())
        if not found:
            return False
        outcomes = self._change([(bytes(row.label), row.to_tell) for row in found])
        self._database.transaction(lambda c: _told(c, found, outcomes))
        return len(found) == ALIASES_TOLD

    def _change(self, wanted: Sequence[tuple[bytes, int]]) -> Sequence[aliases_pb2.AliasOutcome]:
        """Has labels changed, each by an AliasAction. Raises NoAnswer or Refusal."""

        def signed() -> list[aliases_pb2.AliasChange]:
            return [
                aliases_pb2.AliasChange(label=label, action=action, number=self._next())  # type: ignore[arg-type]
                for label, action in wanted
            ]

        try:
            return self._central_bank.change_aliases(signed())
        except Refusal as refusal:
            highest = refusal.metadata.get("highest", "")
            if refusal.reason != errors_pb2.REASON_SEQUENCE_INVALID or not highest.isdecimal():
                raise
            # The clock was set back, or this is an older copy: numbers go on from the last.
            self._number = int(highest)
        return self._central_bank.change_aliases(signed())

    def _next(self) -> int:
        """A number above all before, without a table of them: the time."""
        self._number = max(self._number + 1, self._clock.now_ms())
        return self._number

    def _look(self) -> None:
        """Asks how claims by wallets here, and against them, stand; about everything at the first
        time and once a day: a claim may have had its way while the directory was not reached.
        """
        after, claimed = b"", {}
        while True:
            page = self._central_bank.alias_claims(after)
            claimed.update({bytes(one.label): one.until_time_ms for one in page})
            if len(page) < CLAIMS_LISTED:
                break
            after = bytes(page[-1].label)
        self._give_up(self._database.transaction(lambda c: _contested(c, claimed)))
        now_ms = self._clock.monotonic_ms()
        states = _WAITING if now_ms < self._all_ms else (*_WAITING, int(rows.ACTIVE))
        last: int | None = 0
        while last is not None:
            last = self._ask_after(last, states)
        if int(rows.ACTIVE) in states:
            self._all_ms = now_ms + DAY_MS

    def _give_up(self, labels: Sequence[bytes]) -> None:
        """Gives up claimed labels that no wallet here has: this is an older copy."""
        for chunk in chunks(labels, ALIASES_TOLD):
            self._change([(label, int(rows.WITHDRAW)) for label in chunk])

    def _ask_after(self, last: int, states: Sequence[int]) -> int | None:
        """Asks about some rows in these states; returns the last one's number."""
        this = _OF.live == 1, _OF.to_tell == 0, _OF.state.in_(states), _OF.number > last
        query = select(aliases).where(*this).order_by(_OF.number).limit(ALIASES_ASKED)
        found = self._database.read(lambda c: c.execute(query).all())
        if not found:
            return None
        outcomes = self._central_bank.ask_aliases([bytes(row.label) for row in found])
        self._database.transaction(lambda c: _told(c, found, outcomes))
        return int(found[-1].number)

    def _end_closed(self) -> bool:
        """Gives up, once after a start, what wallets had that were closed just before it."""
        query = select(_OF.number, _OF.wallet).where(_OF.live == 1, _OF.number > self._looked_at)
        query = query.order_by(_OF.number).limit(ALIASES_ASKED)
        found = self._database.read(lambda c: c.execute(query).all())
        if not found:
            return False
        numbers = [row.wallet for row in found]
        flags = self._ledger.read([self._directory.account(each) for each in numbers])["flags"]
        closed = [row.number for row, each in zip(found, flags, strict=True) if each & _CLOSED]
        if closed:
            ended = update(aliases).where(_OF.number.in_(closed)).values(**rows.given_up())
            self._database.transaction(lambda c: c.execute(ended))
        self._looked_at = int(found[-1].number)
        return True


def _any(connection: Connection) -> bool:
    """Whether a wallet here has an alias."""
    query = select(_OF.number).where(_OF.live == 1).limit(1)
    return connection.execute(query).first() is not None


def _told(
    connection: Connection,
    found: Sequence[Row[Any]],
    outcomes: Sequence[aliases_pb2.AliasOutcome],
) -> None:
    """Notes how labels stand, unless their holders have ordered something else since."""
    for row, outcome in zip(found, outcomes, strict=True):
        same = (_OF.number == row.number, _OF.to_tell == row.to_tell, _OF.state == row.state)
        values = _became(row, outcome)
        # Once a day everything is asked about: nearly all of it is as it was.
        if any(getattr(row, name) != value for name, value in values.items()):
            connection.execute(update(aliases).where(*same).values(**values))


def _became(row: Row[Any], outcome: aliases_pb2.AliasOutcome) -> dict[str, Any]:
    """What a row becomes by what the directory says of its label."""
    if row.to_tell == rows.WITHDRAW:
        return rows.over(rows.REMOVED)
    if outcome.standing == HELD:
        return {"state": int(rows.ACTIVE), "to_tell": 0, "until_time_ms": 0}
    if outcome.standing == CONTESTED:
        return _claimed(row, outcome.until_time_ms)
    if outcome.standing == CLAIMED:
        until_ms = outcome.until_time_ms
        return {"state": int(rows.WAITING), "to_tell": 0, "until_time_ms": until_ms}
    if outcome.reason == errors_pb2.REASON_OVERLOADED:
        return {}
    if row.state == rows.ACTIVE and not row.to_tell:
        # Perhaps the directory has lost it; if somebody else has it now, it will say so.
        return {"to_tell": int(rows.REGISTER)}
    return rows.over(rows.MOVED if row.state in (rows.CONTESTED, rows.ACTIVE) else rows.TAKEN)


def _contested(connection: Connection, claimed: dict[bytes, int]) -> list[bytes]:
    """Notes other banks' claims. A name is kept at once: nobody else can have shown it.

    Returns:
        The labels that no wallet here has.
    """
    nobodys = []
    for label, until_ms in claimed.items():
        row = rows.live(connection, label)
        if row is None:
            nobodys.append(label)
        elif row.state == rows.ACTIVE:
            rows.change(connection, row, **_claimed(row, until_ms))
    return nobodys


def _claimed(row: Row[Any], until_ms: int) -> dict[str, Any]:
    keeps = rows.KEEP if row.kind == AliasKind.NAME else 0
    return {"state": int(rows.CONTESTED), "to_tell": int(keeps), "until_time_ms": until_ms}
