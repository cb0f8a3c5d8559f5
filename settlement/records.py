"""The layouts and enums of the settlement core: records, accounts, holds, kinds, results.

All numbers are little-endian. Amounts are fen, times are Unix milliseconds.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum, IntFlag
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

RECORD = np.dtype(
    [
        ("origin", "<u4"),  # whose sequence identifies the record
        ("debit", "<u4"),
        ("credit", "<u4"),
        ("kind", "u1"),
        ("flags", "u1"),
        ("purpose", "<u2"),  # what a movement was for, by the contract's numbers; never 0 then
        ("sequence", "<u8"),  # 0: no identity of its own
        ("amount_fen", "<i8"),
        ("time_ms", "<i8"),  # the time that the record is judged by
        ("expires_ms", "<i8"),  # 0: never
        ("ref", "<u8"),  # by kind, see below
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
        ("limit_set", "<u2"),  # 0: none
        ("parent", "<u4"),  # whose limits count what this account spends; 0: nobody's
        ("ledger", "u1"),
        ("flags", "u1"),
        ("open_holds", "<u2"),  # not counted with MANY_HOLDS
    ]
)

HOLD = np.dtype(
    [
        ("amount_fen", "<i8"),  # what has been neither captured nor released of it
        ("expires_ms", "<i8"),
        ("account", "<u4"),
        ("generation", "<u4"),
        ("day", "<i4"),  # of the spending it was counted against; -1: none
        ("year", "<i2"),
        ("open", "u1"),
        ("spare", "u1"),
    ]
)


# What `ref` holds:
#   OPEN           flags | ledger << 8 | limit set << 16; the parent is in `debit`
#   REPLACE_KEY    how often the account's key has been replaced, this time included
#   SET_FLAGS      the flags
#   SET_LIMIT_SET  the limit set
#   SET_LIMIT      the column; the limit set is in `credit`, what its cell gets in `amount_fen`
#   CAPTURE        the hold's reference
#   RELEASE        the hold's reference
#   DELIVER        the account to credit when `credit` cannot take it
#   REFUSAL        the reason, by the contract's numbers
LEDGER_SHIFT, LIMIT_SET_SHIFT = 8, 16

KEY_SHIFT = 40
"""A sequence's bits from here on say by which of its account's keys the order is."""


class Opening(NamedTuple):
    """What an OPEN's `ref` says."""

    flags: int
    ledger: int
    limit_set: int


def opening_ref(*, ledger: int, limit_set: int = 0, flags: int = 0) -> int:
    """An OPEN's `ref`."""
    return int(flags) | int(ledger) << LEDGER_SHIFT | limit_set << LIMIT_SET_SHIFT


def opening_of(ref: int) -> Opening:
    """What an OPEN's `ref` says."""
    flags, ledger = ref & 0xFF, ref >> LEDGER_SHIFT & 0xFF
    return Opening(flags, ledger, ref >> LIMIT_SET_SHIFT)


def record_digest(content: bytes) -> int:
    """A record's `digest` of what was signed: the first 8 bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "little")


def key_of(sequence: int) -> int:
    """Which of its account's keys a sequence belongs to: 0 is the first one, 1 its successor."""
    return sequence >> KEY_SHIFT


def first_sequence(key: int) -> int:
    """The first sequence of an account's key: 0 is the first key, 1 its successor."""
    return key << KEY_SHIFT


CONTENT = ("kind", "debit", "credit", "purpose", "amount_fen", "expires_ms", "ref", "digest")
"""The fields that must be equal for a record to be a repeat of one with the same identity."""

CONTENT_OF_A_REFUSAL = tuple(name for name in CONTENT if name != "ref")
"""The same for a REFUSAL, whose `ref` is the reason: an order that is refused again may be refused
for another reason, and the first one stands."""

Records = NDArray[Any]
Accounts = NDArray[Any]
Holds = NDArray[Any]


class Kind(IntEnum):
    """What a record does."""

    OPEN = 1
    SET_FLAGS = 2
    SET_LIMIT_SET = 3
    SET_LIMIT = 4
    TRANSFER = 5
    HOLD = 6
    CAPTURE = 7
    RELEASE = 8
    DELIVER = 9
    REFUSAL = 10
    REPLACE_KEY = 11


ADMINISTRATIVE = frozenset(
    {Kind.OPEN, Kind.SET_FLAGS, Kind.SET_LIMIT_SET, Kind.SET_LIMIT, Kind.REPLACE_KEY}
)
"""Kinds that change what an account is or may do, and move nothing."""

MOVING = frozenset({Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.RELEASE, Kind.DELIVER})
"""Kinds that move money."""

ENDING_HOLDS = frozenset({Kind.CAPTURE, Kind.RELEASE})
"""Kinds that take from a hold."""

STATED = MOVING | {Kind.REFUSAL}
"""Kinds that are in an account's statement: what moved its money, and what was refused."""


@cache
def _table(kinds: frozenset[Kind]) -> NDArray[np.bool_]:
    table = np.zeros(1 << 8, np.bool_)
    table[list(kinds)] = True
    return table


def is_of(records: Records, kinds: frozenset[Kind]) -> NDArray[np.bool_]:
    """Which of some records (N,) are of one of these kinds; (N,) bool."""
    chosen: NDArray[np.bool_] = _table(kinds)[records["kind"]]
    return chosen


def content_of(kind: int) -> tuple[str, ...]:
    """The fields that must be equal for a record of this kind to be a repeat; see `CONTENT`."""
    return CONTENT_OF_A_REFUSAL if kind == Kind.REFUSAL else CONTENT


class RecordFlag(IntFlag):
    """How a record is judged."""

    LINKED = 1  # stands or falls with the next one
    NO_LIMIT = 2  # exempt from the spending limits
    KNOWN_NEW = 4  # older than the window, looked up, and not found: set by the core alone
    DECIDED_LAST = 8  # the head of a chain: decided after those that are linked to it


class AccountFlag(IntFlag):
    """What an account is."""

    OPEN = 1
    FROZEN = 2
    CLOSED = 4
    MAY_GO_NEGATIVE = 8
    MANY_HOLDS = 16  # an account of the service's own: MAX_ACCOUNT_HOLDS is not for it
    REKEYED = 32  # its key was replaced; its sequences say by which key each order is


class Limit(IntEnum):
    """Columns of the table of limit sets: four limits in fen, of which 0 is none, and since when.

    A set holds from FROM_DAY on (days since 1970 in UTC+8), and the set BEFORE it on the days
    before. BEFORE is a higher number than the set's own, or 0: no limits before that.
    """

    BALANCE_CAP = 0
    SINGLE = 1
    DAY = 2
    YEAR = 3
    FROM_DAY = 4
    BEFORE = 5


IN_FEN = (Limit.BALANCE_CAP, Limit.SINGLE, Limit.DAY, Limit.YEAR)
"""The columns that are limits."""


class Result(IntEnum):
    """The answer for a record: accepted, or the first reason in this order why not.

    What is wrong with the record itself comes first, then what keeps its payer from paying, and
    only then what concerns its payee. So a payer who cannot pay learns nothing about the payee.
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
    KEY_REPLACED = 18
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
