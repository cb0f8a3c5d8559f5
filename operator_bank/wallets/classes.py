"""Keeps the limits of the wallet classes, as the central bank has published them.

Each policy holds from its first day on, and of two the one that was published later. They lie in
the core's table of limit sets, one before the other, so that the rule judges each record by the
policy of its own day. An account keeps the set of its class, which is always that of the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from currency.contract_words import WALLET_CLASSES
from currency.days import day_of
from currency.sub_limits import CHOICES, FIRST_SET, LAST_SET
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from operator_bank.context import Context
from runtime.errors import Refusal
from settlement.builders import Row, records_of, setting_limit
from settlement.core import Batch
from settlement.limits import MAX_LIMIT_SETS
from settlement.records import Accounts, Limit
from settlement.rule import set_of

COLUMNS = {
    "balance_cap_fen": Limit.BALANCE_CAP,
    "single_fen": Limit.SINGLE,
    "day_fen": Limit.DAY,
    "year_fen": Limit.YEAR,
}


class NotFollowed(Exception):
    """The ledger has not taken the limits that the central bank has published."""


class Published(NamedTuple):
    """A policy of the central bank.

    Attributes:
        number: of its announcement.
        policy: what two officers there signed.
        digest: of the announcement, for the records that follow from it.
    """

    number: int
    policy: office_pb2.PublishPolicy
    digest: int


def in_force(published: Sequence[Published]) -> list[Published]:
    """Those that hold on some day, in order of their days: each takes the place of all that were
    published before it and would begin on its first day or later.

    Args:
        published: in order of their numbers.
    """
    held: list[Published] = []
    for one in published:
        while held and held[-1].policy.from_day >= one.policy.from_day:
            held.pop()
        held.append(one)
    return held


def table_of(published: Sequence[Published]) -> NDArray[np.int64]:
    """The table of limit sets by which the rule judges: int64 (MAX_LIMIT_SETS, 6).

    The newest policy's sets have the numbers of their classes. The older ones lie at the end of the
    table, the oldest last; that one holds on all days before it too.

    Args:
        published: in order of their numbers.

    Raises:
        NotFollowed: there are more than the table has room for.
    """
    table = np.zeros((MAX_LIMIT_SETS, len(Limit)), np.int64)
    held = in_force(published)
    before = dict.fromkeys(WALLET_CLASSES, 0)
    for age, one in enumerate(held, 1):
        newest = age == len(held)
        for limits in one.policy.classes:
            of = limits.wallet_class
            row = of if newest else MAX_LIMIT_SETS - len(WALLET_CLASSES) * age + of - 1
            if row <= LAST_SET and not newest:
                raise NotFollowed("the central bank has published more limits than there is room")
            for name, column in COLUMNS.items():
                table[row, column] = getattr(limits, name)
            if before[of]:
                table[row, Limit.FROM_DAY] = one.policy.from_day
                table[row, Limit.BEFORE] = before[of]
            before[of] = row
    return table


def _of_classes(table: NDArray[np.int64]) -> NDArray[np.int64]:
    """The table without the limits of sub-wallets, which no policy changes."""
    table = table.copy()
    table[FIRST_SET : LAST_SET + 1] = 0
    return table


class Policy:
    """The policies that this bank follows; what changes is part of its journal. Any thread may
    look; one at a time follows.
    """

    def __init__(self, context: Context) -> None:
        """Reads the table that the journal has brought about."""
        self._ledger = context.ledger
        self._read = context.books.core.policies
        self._clock = context.clock
        self._held: Sequence[Published] = ()
        self.table = self._read()

    def follow(self, published: Sequence[Published]) -> None:
        """Puts what the table does not say yet into it, all at once; again, nothing happens.

        Args:
            published: all policies that the central bank has announced, in order.

        Raises:
            NotFollowed: the rule has refused some of it; the bank may not say that it follows.
        """
        if not published:
            return
        wanted = table_of(published)
        rows, columns = np.nonzero(_of_classes(self.table) != wanted)
        if len(rows):
            now_ms, digest = self._clock.now_ms(), published[-1].digest
            records = records_of(
                setting_limit(row, column, int(wanted[row, column]), time_ms=now_ms, digest=digest)
                for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            )
            self._ledger.submit(Batch(records, urgent=True))
            self.table = self._read()
            if not np.array_equal(_of_classes(self.table), wanted):
                raise NotFollowed("limits that the central bank has published were refused")
        self._held = in_force(published)

    def of_sub_wallets(self, limit_set: int, digest: int) -> list[Row]:
        """The records that give a limit set of sub-wallets its limits; none when it has them.

        Args:
            limit_set: one of `currency.sub_limits.CHOICES`.
            digest: of the order that wants it.
        """
        limits, now_ms = CHOICES[limit_set], self._clock.now_ms()
        wanted = {COLUMNS[name]: fen for name, fen in limits._asdict().items()}
        return [
            setting_limit(limit_set, column, fen, time_ms=now_ms, digest=digest)
            for column, fen in wanted.items()
            if self.table[limit_set, column] != fen
        ]

    def look_again(self) -> None:
        """Reads the table anew, after limits of sub-wallets were added."""
        self.table = self._read()

    def cap_fen(self, accounts: Accounts, index: int) -> int:
        """What an account may have now, in fen; 0: any amount.

        Args:
            accounts: copies of rows of the core.
            index: which of them.
        """
        limit_set = set_of(accounts, self.table, index, self._clock.now_ms())
        return int(self.table[limit_set, Limit.BALANCE_CAP])

    def now(self) -> office_pb2.PublishPolicy:
        """The policy of today.

        Raises:
            Refusal: BANK_CANNOT_NOW, the bank has not heard of one yet.
        """
        held, today = self._held, day_of(self._clock.now_ms())
        if not held:
            raise Refusal(
                errors_pb2.REASON_BANK_CANNOT_NOW,
                "the bank has not heard from the central bank yet which limits wallets have",
            )
        begun = [one for one in held if one.policy.from_day <= today]
        return (begun[-1] if begun else held[0]).policy
