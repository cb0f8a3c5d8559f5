"""The fixed-width words of the settlement core: records, accounts, holds, kinds, results.

All numbers are little-endian. Amounts are fen, times are Unix milliseconds.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum, IntFlag
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

RECORD = np.dtype(
    [
        ("origin", "<u4"),  # whose sequence identifies the record
        ("debit", "<u4"),
        ("credit", "<u4"),
        ("kind", "u1"),
        ("flags", "u1"),
        ("spare", "<u2"),  # OPEN: class | ledger << 8; POLICY: the limit's index
        ("sequence", "<u8"),  # 0: no identity of its own
        ("amount_fen", "<i8"),
        ("time_ms", "<i8"),  # the time that the record is judged by
        ("expires_ms", "<i8"),  # 0: never
        ("ref", "<u8"),  # a hold's reference, a fallback account, flags to set
        ("digest", "<u8"),  # first 8 bytes of SHA-256 of what was signed
    ]
)

ACCOUNT = np.dtype(
    [
        ("available_fen", "<i8"),
        ("held_fen", "<i8"),
        ("day_spent_fen", "<i8"),
        ("year_spent_fen", "<i8"),
        ("last_sequence", "<u8"),
        ("seen", "<u8"),  # bit i: last_sequence - i was seen
        ("day", "<i4"),  # of day_spent_fen, days since 1970 in UTC+8
        ("year", "<i2"),
        ("policy", "u1"),
        ("ledger", "u1"),
        ("flags", "u1"),
        ("spare_a", "u1"),
        ("spare_b", "<u2"),
        ("open_holds", "<u4"),
    ]
)

HOLD = np.dtype(
    [
        ("amount_fen", "<i8"),
        ("expires_ms", "<i8"),
        ("account", "<u4"),
        ("generation", "<u4"),
        ("day", "<i4"),  # of the spending it was counted against; -1: none
        ("year", "<i2"),
        ("open", "u1"),
        ("spare", "u1"),
    ]
)


def record_digest(content: bytes) -> int:
    """A record's `digest` of what was signed: the first 8 bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "little")


CONTENT = ("kind", "debit", "credit", "amount_fen", "expires_ms", "ref", "digest")
"""What two records with the same identity have in common when one is the other's repeat."""

Records = NDArray[Any]
Accounts = NDArray[Any]
Holds = NDArray[Any]


class Kind(IntEnum):
    """What a record does."""

    OPEN = 1
    SET_FLAGS = 2
    SET_CLASS = 3
    POLICY = 4
    TRANSFER = 5
    HOLD = 6
    CAPTURE = 7
    RELEASE = 8
    DELIVER = 9
    REFUSAL = 10


ADMINISTRATIVE = frozenset({Kind.OPEN, Kind.SET_FLAGS, Kind.SET_CLASS, Kind.POLICY})
"""Kinds that change what an account is or may do, and move nothing."""

MOVING = frozenset({Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.RELEASE, Kind.DELIVER})
"""Kinds that move money."""

ENDING_HOLDS = frozenset({Kind.CAPTURE, Kind.RELEASE})
"""Kinds that take from a hold."""

STATED = MOVING | {Kind.REFUSAL}
"""Kinds that an account's past is made of: what moved its money, and what was refused."""


@cache
def _table(kinds: frozenset[Kind]) -> NDArray[np.bool_]:
    table = np.zeros(1 << 8, np.bool_)
    table[list(kinds)] = True
    return table


def is_of(records: Records, kinds: frozenset[Kind]) -> NDArray[np.bool_]:
    """Which of some records (N,) are of one of these kinds, (N,)."""
    chosen: NDArray[np.bool_] = _table(kinds)[records["kind"]]
    return chosen


class RecordFlag(IntFlag):
    """How a record is judged."""

    LINKED = 1  # stands or falls with the next one
    NO_LIMIT = 2  # exempt from the spending limits
    KNOWN_NEW = 4  # older than the window, looked up, and not found: set by the core alone


class AccountFlag(IntFlag):
    """What an account is."""

    OPEN = 1
    FROZEN = 2
    CLOSED = 4
    MAY_GO_NEGATIVE = 8
    MANY_HOLDS = 16  # an account of the service's own: MAX_ACCOUNT_HOLDS is not for it


class Limit(IntEnum):
    """Columns of the policy table; 0 in a cell: no limit."""

    BALANCE_CAP = 0
    SINGLE = 1
    DAY = 2
    YEAR = 3


class Result(IntEnum):
    """The answer for a record: accepted, or the first reason in this order why not.

    What is wrong with the record itself comes first, then all that stands against its payer,
    and only then anything about its payee: who cannot pay learns nothing about anybody else.
    """

    ACCEPTED = 0
    UNDELIVERABLE = 1
    MALFORMED = 10
    REPEATED = 11
    SEQUENCE_STALE = 12
    ID_REUSED = 13
    LINKED_FAILED = 14
    AMOUNT_INVALID = 15
    EXPIRED = 16
    REFUSED_UPSTREAM = 17
    DEBIT_UNKNOWN = 20
    SAME_ACCOUNT = 21
    HOLD_UNKNOWN = 22
    HOLD_MISMATCH = 23
    DEBIT_CLOSED = 30
    DEBIT_FROZEN = 31
    OVER_SINGLE_LIMIT = 32
    OVER_DAY_LIMIT = 33
    OVER_YEAR_LIMIT = 34
    INSUFFICIENT_FUNDS = 35
    TOO_MANY_HOLDS = 36
    CREDIT_UNKNOWN = 40
    LEDGER_MISMATCH = 41
    CREDIT_CLOSED = 42
    CREDIT_FROZEN = 43
    OVER_BALANCE_CAP = 44
    NOT_EMPTY = 45

    @property
    def accepted(self) -> bool:
        """Whether the record took effect."""
        return self < Result.MALFORMED
