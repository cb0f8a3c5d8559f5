"""The settlement rule: walks a batch in order and decides each record.

Plain Python compiled by Numba. `apply.py_func`, or NUMBA_DISABLE_JIT=1, is the
very same rule uncompiled. No clock, no randomness, no I/O: whatever a decision
depends on is in the record or in the state, so the journal replays to the same
state anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from settlement.limits import (
    MAX_ACCOUNT_HOLDS,
    MAX_AMOUNT_FEN,
    MAX_DEBT_FEN,
    MAX_KEYS,
    MAX_TIME_MS,
    SEQUENCE_WINDOW,
)
from settlement.records import (
    ADMINISTRATIVE,
    ENDING_HOLDS,
    KEY_SHIFT,
    LEDGER_SHIFT,
    LIMIT_SET_SHIFT,
    MOVING,
    AccountFlag,
    Accounts,
    Kind,
    Limit,
    RecordFlag,
    Result,
)

RULE_VERSION = 6
"""Written into every journal row and snapshot. Whoever changes what the rule decides, here or in
a bound that it reads from elsewhere, counts this up: a compiled rule is kept beside this file and
made anew only when this file changes; and a journal is replayed by the rule that decided it."""

# Numba wants plain integers; the enums stay the one place where they are named.
_OPEN, _SET_LIMIT_SET, _SET_LIMIT = map(int, (Kind.OPEN, Kind.SET_LIMIT_SET, Kind.SET_LIMIT))
_HOLD, _CAPTURE, _DELIVER = map(int, (Kind.HOLD, Kind.CAPTURE, Kind.DELIVER))
_REFUSAL, _REPLACE_KEY = int(Kind.REFUSAL), int(Kind.REPLACE_KEY)
_ADMINISTRATIVE = tuple(map(int, sorted(ADMINISTRATIVE)))
_ENDING_HOLDS = tuple(map(int, sorted(ENDING_HOLDS)))
_MOVING = tuple(map(int, sorted(MOVING)))
_LINKED, _NO_LIMIT, _KNOWN_NEW, _DECIDED_LAST = map(int, RecordFlag)
_IS_OPEN, _FROZEN, _CLOSED, _NEGATIVE, _MANY_HOLDS, _REKEYED = map(int, AccountFlag)
_KEPT_FLAGS = _IS_OPEN | _NEGATIVE | _CLOSED | _MANY_HOLDS | _REKEYED
_CAP, _SINGLE, _DAY, _YEAR, _FROM_DAY, _BEFORE = map(int, Limit)
_OF_A_BYTE = np.uint64(0xFF)
_LEDGER_SHIFT, _LIMIT_SET_SHIFT = np.uint64(LEDGER_SHIFT), np.uint64(LIMIT_SET_SHIFT)

_ACCEPTED = int(Result.ACCEPTED)
_UNDELIVERABLE = int(Result.UNDELIVERABLE)
_MALFORMED = int(Result.MALFORMED)
_REPEATED = int(Result.REPEATED)
_SEQUENCE_STALE = int(Result.SEQUENCE_STALE)
_LINKED_FAILED = int(Result.LINKED_FAILED)
_AMOUNT_INVALID = int(Result.AMOUNT_INVALID)
_EXPIRED = int(Result.EXPIRED)
_REFUSED_UPSTREAM = int(Result.REFUSED_UPSTREAM)
_KEY_REPLACED = int(Result.KEY_REPLACED)
_DEBIT_UNKNOWN = int(Result.DEBIT_UNKNOWN)
_CREDIT_UNKNOWN = int(Result.CREDIT_UNKNOWN)
_SAME_ACCOUNT = int(Result.SAME_ACCOUNT)
_LEDGER_MISMATCH = int(Result.LEDGER_MISMATCH)
_HOLD_UNKNOWN = int(Result.HOLD_UNKNOWN)
_HOLD_MISMATCH = int(Result.HOLD_MISMATCH)
_DEBIT_CLOSED = int(Result.DEBIT_CLOSED)
_DEBIT_FROZEN = int(Result.DEBIT_FROZEN)
_CREDIT_CLOSED = int(Result.CREDIT_CLOSED)
_CREDIT_FROZEN = int(Result.CREDIT_FROZEN)
_OVER_SINGLE = int(Result.OVER_SINGLE_LIMIT)
_OVER_DAY = int(Result.OVER_DAY_LIMIT)
_OVER_YEAR = int(Result.OVER_YEAR_LIMIT)
_INSUFFICIENT = int(Result.INSUFFICIENT_FUNDS)
_OVER_CAP = int(Result.OVER_BALANCE_CAP)
_TOO_MANY_HOLDS = int(Result.TOO_MANY_HOLDS)
_NOT_EMPTY = int(Result.NOT_EMPTY)

_WINDOW = int(SEQUENCE_WINDOW)
_KEY_SHIFT, _MAX_KEYS = int(KEY_SHIFT), int(MAX_KEYS)
_MAX_AMOUNT = int(MAX_AMOUNT_FEN)
_MAX_DEBT = int(MAX_DEBT_FEN)
_MAX_TIME = int(MAX_TIME_MS)
_MAX_ACCOUNT_HOLDS = int(MAX_ACCOUNT_HOLDS)
_DAY_MS = 86_400_000
_BEIJING_MS = 8 * 3_600_000
MAX_CHAIN = 17
"""Records in one linked chain: a deposit of 16 pieces, each with another bank to pay for it."""

READ_AHEAD = 64
"""Records whose accounts are read ahead together: 128 lines of the first-level cache."""


@njit(cache=True, nogil=True)
def _day_of(time_ms: Any) -> Any:
    """Days since 1970-01-01 in UTC+8, where the currency lives."""
    return (time_ms + _BEIJING_MS) // _DAY_MS


@njit(cache=True, nogil=True)
def _year_of(day: Any) -> Any:
    """The Gregorian year of a day number (Hinnant, "chrono-compatible date algorithms")."""
    z = day + 719_468
    era = z // 146_097
    doe = z - era * 146_097
    yoe = (doe - doe // 1_460 + doe // 36_524 - doe // 146_096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    return yoe + era * 400 + (1 if doy >= 306 else 0)


@njit(cache=True, nogil=True)
def _identify(accounts: Any, origin: Any, sequence: Any, known_new: Any) -> Any:
    """Marks a sequence as seen; says ACCEPTED when it is new."""
    last = np.int64(accounts[origin]["last_sequence"])
    one = np.uint64(1)
    if sequence > last:
        shift = sequence - last
        if shift >= _WINDOW:
            accounts[origin]["seen"] = one
        else:
            accounts[origin]["seen"] = (accounts[origin]["seen"] << np.uint64(shift)) | one
        accounts[origin]["last_sequence"] = np.uint64(sequence)
        return _ACCEPTED
    age = last - sequence
    if age >= _WINDOW:
        return _ACCEPTED if known_new else _SEQUENCE_STALE
    bit = one << np.uint64(age)
    if accounts[origin]["seen"] & bit:
        return _REPEATED
    accounts[origin]["seen"] = accounts[origin]["seen"] | bit
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _own_day(accounts: Any, account: Any, time_ms: Any) -> Any:
    """The day of a time; an account's own day never goes back.

    Otherwise two records around midnight in the wrong order, or a clock that was set back,
    would begin a day's limit anew each time.
    """
    return max(_day_of(time_ms), np.int64(accounts[account]["day"]))


@njit(cache=True, nogil=True)
def _spending_day(accounts: Any, debit: Any, time_ms: Any) -> Any:
    """The day that spending counts against: the payer's own, and no earlier than its parent's."""
    day = _own_day(accounts, debit, time_ms)
    parent = np.int64(accounts[debit]["parent"])
    return max(day, np.int64(accounts[parent]["day"])) if parent else day


@njit(cache=True, nogil=True)
def _spent(accounts: Any, debit: Any, day: Any) -> Any:
    """What the payer has spent of a day, its own or a later one, and of that day's year, fen."""
    if day == accounts[debit]["day"]:
        return accounts[debit]["day_spent_fen"], accounts[debit]["year_spent_fen"]
    if _year_of(day) == accounts[debit]["year"]:
        return np.int64(0), accounts[debit]["year_spent_fen"]
    return np.int64(0), np.int64(0)


def spent_fen(accounts: Any, index: int, time_ms: int) -> tuple[int, int]:
    """What an account has spent of the day and of the year that a time lies in.

    Args:
        accounts: rows as the core keeps them.
        index: which of them.
        time_ms: when; a payer's own day never goes back.

    Returns:
        fen of the day, fen of the year: what the rule would count a payment of that time on top of,
        but for a parent whose day is a later one.
    """
    day, year = _spent(accounts, index, _own_day(accounts, index, time_ms))
    return int(day), int(year)


@njit(cache=True, nogil=True)
def _set_on(policies: Any, limits: Any, day: Any) -> Any:
    """The limit set that holds on a day for accounts that have this one: it, or one before it.

    It ends: no set has one with a lower number before it, and the first one holds on every day.
    """
    while day < policies[limits, _FROM_DAY]:
        limits = policies[limits, _BEFORE]
    return limits


def set_of(accounts: Accounts, policies: NDArray[np.int64], index: int, time_ms: int) -> int:
    """The limit set by which an account is judged at a time.

    Args:
        accounts: rows as the core keeps them, or copies of some.
        policies: (MAX_LIMIT_SETS, 6) int64.
        index: of the account among `accounts`.
        time_ms: when; an account's own day never goes back.
    """
    limits = int(accounts[index]["limit_set"])
    return int(_set_on(policies, limits, _own_day(accounts, index, time_ms)))


@njit(cache=True, nogil=True)
def _leave_room(accounts: Any, policies: Any, account: Any, amount: Any, day: Any) -> Any:
    """Whether an account's own limits leave room for an amount on a day."""
    limits = _set_on(policies, np.int64(accounts[account]["limit_set"]), day)
    day_spent, year_spent = _spent(accounts, account, day)
    if policies[limits, _SINGLE] and amount > policies[limits, _SINGLE]:
        return _OVER_SINGLE
    if policies[limits, _DAY] and day_spent + amount > policies[limits, _DAY]:
        return _OVER_DAY
    if policies[limits, _YEAR] and year_spent + amount > policies[limits, _YEAR]:
        return _OVER_YEAR
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _within_limits(accounts: Any, policies: Any, debit: Any, amount: Any, time_ms: Any) -> Any:
    """Whether the payer's limits leave room for an amount, and then its parent's, if it has one."""
    day = _spending_day(accounts, debit, time_ms)
    within = _leave_room(accounts, policies, debit, amount, day)
    parent = np.int64(accounts[debit]["parent"])
    if parent and within == _ACCEPTED:
        return _leave_room(accounts, policies, parent, amount, day)
    return within


@njit(cache=True, nogil=True)
def _is_counted(accounts: Any, debit: Any, record: Any) -> Any:
    """Whether what a record spends counts against its payer's limits."""
    limited = accounts[debit]["limit_set"] != 0 or accounts[debit]["parent"] != 0
    return not (record["flags"] & _NO_LIMIT) and limited


@njit(cache=True, nogil=True)
def _count_of(accounts: Any, account: Any, amount: Any, day: Any) -> None:
    """Counts what is spent on a day, the account's own or a later one."""
    day_spent, year_spent = _spent(accounts, account, day)
    if day != accounts[account]["day"]:
        accounts[account]["day"] = day
        accounts[account]["year"] = _year_of(day)
    accounts[account]["day_spent_fen"] = day_spent + amount
    accounts[account]["year_spent_fen"] = year_spent + amount


@njit(cache=True, nogil=True)
def _count(accounts: Any, debit: Any, record: Any) -> None:
    """Counts what is now spent against the limits of the payer, and of its parent."""
    day = _spending_day(accounts, debit, record["time_ms"])
    _count_of(accounts, debit, record["amount_fen"], day)
    parent = np.int64(accounts[debit]["parent"])
    if parent:
        _count_of(accounts, parent, record["amount_fen"], day)


@njit(cache=True, nogil=True)
def _uncount_of(accounts: Any, account: Any, hold: Any, amount: Any) -> None:
    """What was held and not spent counts no more, as far as its day or year still runs."""
    if hold["day"] == accounts[account]["day"]:
        accounts[account]["day_spent_fen"] -= amount
    if hold["year"] == accounts[account]["year"]:
        accounts[account]["year_spent_fen"] -= amount


@njit(cache=True, nogil=True)
def _uncount(accounts: Any, hold: Any, amount: Any) -> None:
    """Takes an amount of a hold back from the limits that it was counted against."""
    if hold["day"] < 0:
        return
    account = np.int64(hold["account"])
    _uncount_of(accounts, account, hold, amount)
    parent = np.int64(accounts[account]["parent"])
    if parent:
        _uncount_of(accounts, parent, hold, amount)


@njit(cache=True, nogil=True)
def _can_take(accounts: Any, policies: Any, credit: Any, amount: Any, time_ms: Any) -> Any:
    """Whether an account may be credited with an amount at a time."""
    flags = accounts[credit]["flags"]
    if flags & _CLOSED:
        return _CREDIT_CLOSED
    if flags & _FROZEN:
        return _CREDIT_FROZEN
    limits = np.int64(accounts[credit]["limit_set"])
    if policies[limits, _FROM_DAY]:
        limits = _set_on(policies, limits, _own_day(accounts, credit, time_ms))
    cap = policies[limits, _CAP]
    if cap and accounts[credit]["available_fen"] + accounts[credit]["held_fen"] + amount > cap:
        return _OVER_CAP
    return _ACCEPTED


def can_take(
    accounts: Accounts, policies: NDArray[np.int64], index: int, fen: int, time_ms: int
) -> Result:
    """Whether an account could be credited with an amount, by the rule's own judgement.

    Args:
        accounts: rows as the core keeps them, or copies of some.
        policies: (MAX_LIMIT_SETS, 6) int64.
        index: of the account among `accounts`.
        fen: how much.
        time_ms: when.

    Returns:
        ACCEPTED, or why not: CREDIT_UNKNOWN, CREDIT_CLOSED, CREDIT_FROZEN, OVER_BALANCE_CAP.
    """
    if not _is_open(accounts, index):
        return Result.CREDIT_UNKNOWN
    return Result(int(_can_take(accounts, policies, index, fen, time_ms)))


@njit(cache=True, nogil=True)
def _can_pay(accounts: Any, policies: Any, debit: Any, record: Any) -> Any:
    """Whether an account may be debited: all that stands against the payer, in order."""
    flags = accounts[debit]["flags"]
    if flags & _CLOSED:
        return _DEBIT_CLOSED
    if flags & _FROZEN:
        return _DEBIT_FROZEN
    amount = record["amount_fen"]
    if _is_counted(accounts, debit, record):
        within = _within_limits(accounts, policies, debit, amount, record["time_ms"])
        if within != _ACCEPTED:
            return within
    least = -_MAX_DEBT if flags & _NEGATIVE else 0
    if accounts[debit]["available_fen"] - amount < least:
        return _INSUFFICIENT
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _is_open(accounts: Any, account: Any) -> Any:
    return account < accounts.shape[0] and accounts[account]["flags"] & _IS_OPEN


@njit(cache=True, nogil=True)
def _reaches(accounts: Any, debit: Any, credit: Any) -> Any:
    """Whether there is an account to credit, in the payer's own ledger."""
    if not _is_open(accounts, credit):
        return _CREDIT_UNKNOWN
    if accounts[debit]["ledger"] != accounts[credit]["ledger"]:
        return _LEDGER_MISMATCH
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _move(accounts: Any, policies: Any, record: Any) -> Any:
    """TRANSFER and DELIVER. Everything is checked before anything is counted or moved."""
    debit = np.int64(record["debit"])
    credit = np.int64(record["credit"])
    amount = record["amount_fen"]
    if not _is_open(accounts, debit):
        return _DEBIT_UNKNOWN
    if debit == credit:
        return _SAME_ACCOUNT
    paid = _can_pay(accounts, policies, debit, record)
    if paid != _ACCEPTED:
        return paid
    taken = _reaches(accounts, debit, credit)
    if taken == _ACCEPTED:
        taken = _can_take(accounts, policies, credit, amount, record["time_ms"])
    if record["kind"] == _DELIVER:
        fallback = np.int64(record["ref"])
        reached = _reaches(accounts, debit, fallback)
        if reached != _ACCEPTED:
            return reached
        if taken != _ACCEPTED:
            if debit == fallback:
                return _SAME_ACCOUNT
            credit = fallback
            taken = _UNDELIVERABLE
    if taken != _ACCEPTED and taken != _UNDELIVERABLE:
        return taken
    if _is_counted(accounts, debit, record):
        _count(accounts, debit, record)
    accounts[debit]["available_fen"] -= amount
    accounts[credit]["available_fen"] += amount
    return taken


@njit(cache=True, nogil=True)
def _has_many_holds(accounts: Any, debit: Any) -> Any:
    """Whether an account has as many holds open as one may have."""
    if accounts[debit]["flags"] & _MANY_HOLDS:
        return False
    return accounts[debit]["open_holds"] >= _MAX_ACCOUNT_HOLDS


@njit(cache=True, nogil=True)
def _hold(accounts: Any, policies: Any, holds: Any, free: Any, counters: Any, record: Any) -> Any:
    """HOLD: available → held. Returns (result, the hold's reference)."""
    debit = np.int64(record["debit"])
    none = np.uint64(0)
    if not _is_open(accounts, debit):
        return _DEBIT_UNKNOWN, none
    paid = _can_pay(accounts, policies, debit, record)
    if paid != _ACCEPTED:
        return paid, none
    if counters[0] == 0 or _has_many_holds(accounts, debit):
        return _TOO_MANY_HOLDS, none
    amount = record["amount_fen"]
    counters[0] -= 1
    slot = np.int64(free[counters[0]])
    counted = _is_counted(accounts, debit, record)
    if counted:
        _count(accounts, debit, record)
    holds[slot]["amount_fen"] = amount
    holds[slot]["expires_ms"] = record["expires_ms"]
    holds[slot]["account"] = debit
    holds[slot]["generation"] += 1
    holds[slot]["day"] = accounts[debit]["day"] if counted else -1
    holds[slot]["year"] = accounts[debit]["year"]
    holds[slot]["open"] = 1
    accounts[debit]["available_fen"] -= amount
    accounts[debit]["held_fen"] += amount
    if not accounts[debit]["flags"] & _MANY_HOLDS:
        accounts[debit]["open_holds"] += 1
    generation = np.uint64(holds[slot]["generation"])
    return _ACCEPTED, (generation << np.uint64(32)) | np.uint64(slot)


@njit(cache=True, nogil=True)
def _pay_from_hold(accounts: Any, policies: Any, record: Any) -> Any:
    """CAPTURE, of a hold that has the amount: held → another account's available."""
    debit, credit = np.int64(record["debit"]), np.int64(record["credit"])
    amount = record["amount_fen"]
    if credit == debit:
        return _SAME_ACCOUNT
    taken = _reaches(accounts, debit, credit)
    if taken == _ACCEPTED:
        taken = _can_take(accounts, policies, credit, amount, record["time_ms"])
    if taken == _ACCEPTED:
        accounts[debit]["held_fen"] -= amount
        accounts[credit]["available_fen"] += amount
    return taken


@njit(cache=True, nogil=True)
def _give_back(accounts: Any, hold: Any, record: Any) -> None:
    """RELEASE, of a hold that has the amount: held → available."""
    debit, amount = np.int64(record["debit"]), record["amount_fen"]
    accounts[debit]["held_fen"] -= amount
    accounts[debit]["available_fen"] += amount
    _uncount(accounts, hold, amount)


@njit(cache=True, nogil=True)
def _take_from_hold(
    accounts: Any, policies: Any, holds: Any, free: Any, counters: Any, record: Any
) -> Any:
    """CAPTURE and RELEASE, of all that a hold has or of a part; without a rest it ends."""
    ref = record["ref"]
    slot = np.int64(ref & np.uint64(0xFFFFFFFF))
    generation = np.int64(ref >> np.uint64(32))
    if slot >= holds.shape[0] or not holds[slot]["open"] or holds[slot]["generation"] != generation:
        return _HOLD_UNKNOWN
    if record["amount_fen"] > holds[slot]["amount_fen"]:
        return _HOLD_MISMATCH
    account = np.int64(holds[slot]["account"])
    if record["debit"] != account:
        return _HOLD_MISMATCH
    if record["kind"] == _CAPTURE:
        paid = _pay_from_hold(accounts, policies, record)
        if paid != _ACCEPTED:
            return paid
    else:
        _give_back(accounts, holds[slot], record)
    holds[slot]["amount_fen"] -= record["amount_fen"]
    if holds[slot]["amount_fen"] == 0:
        holds[slot]["open"] = 0
        if not accounts[account]["flags"] & _MANY_HOLDS:
            accounts[account]["open_holds"] -= 1
        free[counters[0]] = slot
        counters[0] += 1
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _set_limit(policies: Any, record: Any) -> Any:
    """SET_LIMIT. The first limit set has no limits, for good."""
    limits, limit, value = np.int64(record["credit"]), record["ref"], record["amount_fen"]
    if limits == 0 or limits >= policies.shape[0] or limit >= np.uint64(policies.shape[1]):
        return _MALFORMED
    if value < 0:
        return _AMOUNT_INVALID
    if np.int64(limit) == _BEFORE and value and (value <= limits or value >= policies.shape[0]):
        return _MALFORMED
    policies[limits, np.int64(limit)] = value
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _open(accounts: Any, policies: Any, record: Any) -> Any:
    """OPEN: an account, perhaps under a parent, which has none itself."""
    account, parent = np.int64(record["credit"]), np.int64(record["debit"])
    ref = record["ref"]
    ledger, limits = (ref >> _LEDGER_SHIFT) & _OF_A_BYTE, ref >> _LIMIT_SET_SHIFT
    if limits >= np.uint64(policies.shape[0]):
        return _MALFORMED
    if account >= accounts.shape[0]:
        return _CREDIT_UNKNOWN
    if accounts[account]["flags"] & _IS_OPEN:
        return _ACCEPTED
    if parent:
        if not _is_open(accounts, parent):
            return _DEBIT_UNKNOWN
        if accounts[parent]["parent"]:
            return _MALFORMED
        if accounts[parent]["flags"] & _CLOSED:
            return _DEBIT_CLOSED
        if accounts[parent]["ledger"] != ledger:
            return _LEDGER_MISMATCH
    accounts[account]["parent"] = parent
    accounts[account]["limit_set"] = limits
    accounts[account]["ledger"] = ledger
    accounts[account]["flags"] = (ref & _OF_A_BYTE) | np.uint64(_IS_OPEN)
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _replace_key(accounts: Any, account: Any, ref: Any) -> Any:
    """REPLACE_KEY: the account's sequences go on at the first one of the key after its last.

    None of the new key's is seen yet, that first one neither.
    """
    if accounts[account]["flags"] & _CLOSED:
        return _CREDIT_CLOSED
    key = (np.int64(accounts[account]["last_sequence"]) >> _KEY_SHIFT) + 1
    if key >= _MAX_KEYS or ref != np.uint64(key):
        return _MALFORMED
    accounts[account]["last_sequence"] = np.uint64(key << _KEY_SHIFT)
    accounts[account]["seen"] = np.uint64(0)
    accounts[account]["flags"] |= _REKEYED
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _administer(accounts: Any, policies: Any, record: Any) -> Any:
    """OPEN, SET_FLAGS, SET_LIMIT_SET, SET_LIMIT: idempotent by their content. And REPLACE_KEY."""
    kind = record["kind"]
    if kind == _SET_LIMIT:
        return _set_limit(policies, record)
    if kind == _OPEN:
        return _open(accounts, policies, record)
    if kind == _SET_LIMIT_SET and record["ref"] >= np.uint64(policies.shape[0]):
        return _MALFORMED
    account = np.int64(record["credit"])
    if not _is_open(accounts, account):
        return _CREDIT_UNKNOWN
    if kind == _SET_LIMIT_SET:
        accounts[account]["limit_set"] = record["ref"]
        return _ACCEPTED
    if kind == _REPLACE_KEY:
        return _replace_key(accounts, account, record["ref"])
    flags = np.int64(record["ref"])
    if flags & _CLOSED and (accounts[account]["available_fen"] or accounts[account]["held_fen"]):
        return _NOT_EMPTY
    keep = np.int64(accounts[account]["flags"]) & _KEPT_FLAGS
    accounts[account]["flags"] = keep | (flags & (_FROZEN | _CLOSED))
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _decide(accounts: Any, policies: Any, holds: Any, free: Any, counters: Any, record: Any) -> Any:
    """One record whose identity is settled. Returns (result, detail)."""
    kind = record["kind"]
    none = np.uint64(0)
    if kind in _ADMINISTRATIVE:
        return _administer(accounts, policies, record), none
    if kind != _REFUSAL and kind not in _MOVING:
        return _MALFORMED, none
    if record["time_ms"] < 0 or record["time_ms"] > _MAX_TIME:
        return _MALFORMED, none
    if kind == _REFUSAL:
        return _REFUSED_UPSTREAM, none
    if record["purpose"] == 0:
        return _MALFORMED, none
    if record["amount_fen"] <= 0 or record["amount_fen"] > _MAX_AMOUNT:
        return _AMOUNT_INVALID, none
    if record["expires_ms"] and record["time_ms"] > record["expires_ms"]:
        return _EXPIRED, none
    if kind == _HOLD:
        return _hold(accounts, policies, holds, free, counters, record)
    if kind in _ENDING_HOLDS:
        return _take_from_hold(accounts, policies, holds, free, counters, record), none
    return _move(accounts, policies, record), none


@njit(cache=True, nogil=True)
def _claim(accounts: Any, record: Any) -> Any:
    """Settles the identity of a record, or of the head of a chain."""
    sequence = np.int64(record["sequence"])
    if sequence == 0:
        return _ACCEPTED if record["kind"] in _ADMINISTRATIVE else _MALFORMED
    origin = np.int64(record["origin"])
    if sequence < 0 or not _is_open(accounts, origin):
        return _MALFORMED
    if accounts[origin]["flags"] & _REKEYED:
        key = np.int64(accounts[origin]["last_sequence"]) >> _KEY_SHIFT
        if sequence >> _KEY_SHIFT > key:
            return _MALFORMED
        if sequence >> _KEY_SHIFT < key:
            # It may have been decided while that key still counted.
            return _KEY_REPLACED if record["flags"] & _KNOWN_NEW else _SEQUENCE_STALE
    return _identify(accounts, origin, sequence, record["flags"] & _KNOWN_NEW)


@njit(cache=True, nogil=True)
def _may_be_linked(record: Any, is_head: Any) -> Any:
    """Whether a record may stand in a chain.

    Its head alone has an identity; and none of it is delivered, since what goes to a fallback would
    no longer belong to the others.
    """
    if record["kind"] in _ADMINISTRATIVE or record["kind"] == _DELIVER:
        return False
    return is_head or record["sequence"] == 0


@njit(cache=True, nogil=True)
def _room(accounts: Any, holds: Any, length: Any) -> Any:
    """Where a chain of so many records keeps what each of them may change, as it was before it.

    Accounts (length, 3) and their numbers, holds (length,) and their places, and (length, 2) the
    height of the stack of free places with what lies there; -1 in what is not kept.
    """
    return (
        np.empty((length, 3), accounts.dtype),
        np.full((length, 3), -1, np.int64),
        np.empty(length, holds.dtype),
        np.full(length, -1, np.int64),
        np.full((length, 2), -1, np.int64),
    )


@njit(cache=True, nogil=True)
def _keep_accounts(accounts: Any, record: Any, kept: Any, k: Any) -> None:
    """Copies what a chain's record may change among the accounts: payer, payee, parent.

    It is the k-th that is decided.
    """
    rows, numbers = kept[0], kept[1]
    debit, credit = np.int64(record["debit"]), np.int64(record["credit"])
    if debit < accounts.shape[0]:
        rows[k, 0] = accounts[debit]
        numbers[k, 0] = debit
        parent = np.int64(accounts[debit]["parent"])
        if parent:
            rows[k, 2] = accounts[parent]
            numbers[k, 2] = parent
    if credit < accounts.shape[0]:
        rows[k, 1] = accounts[credit]
        numbers[k, 1] = credit


@njit(cache=True, nogil=True)
def _keep_holds(holds: Any, free: Any, counters: Any, record: Any, kept: Any, k: Any) -> None:
    """Copies what a chain's record, the k-th that is decided, may change among the holds."""
    slot = np.int64(-1)
    if record["kind"] == _HOLD and counters[0] > 0:
        slot = np.int64(free[counters[0] - 1])
    elif record["kind"] in _ENDING_HOLDS:
        slot = np.int64(record["ref"] & np.uint64(0xFFFFFFFF))
    if 0 <= slot < holds.shape[0]:
        kept[2][k] = holds[slot]
        kept[3][k] = slot
    kept[4][k, 0] = counters[0]
    kept[4][k, 1] = free[counters[0]] if counters[0] < free.shape[0] else 0


@njit(cache=True, nogil=True)
def _take_back(accounts: Any, holds: Any, free: Any, counters: Any, kept: Any, k: Any) -> None:
    """Makes everything as it was before the k-th record of a chain was decided."""
    rows, numbers, kept_holds, slots, kept_free = kept
    if slots[k] >= 0:
        holds[slots[k]] = kept_holds[k]
    for side in range(numbers.shape[1]):
        if numbers[k, side] >= 0:
            accounts[numbers[k, side]] = rows[k, side]
    if kept_free[k, 0] >= 0:
        if kept_free[k, 0] < free.shape[0]:
            free[kept_free[k, 0]] = kept_free[k, 1]
        counters[0] = kept_free[k, 0]


@njit(cache=True, nogil=True)
def _chain(
    accounts: Any, policies: Any, holds: Any, free: Any, counters: Any,
    records: Any, first: Any, last: Any, results: Any, details: Any,
) -> None:  # fmt: skip
    """Records first..last stand or fall together; the first is decided last if it says so."""
    length = last - first + 1
    ahead = 1 if records[first]["flags"] & _DECIDED_LAST else 0
    kept = _room(accounts, holds, length)
    for turn in range(length):
        k = (turn + ahead) % length
        record = records[first + k]
        result, detail = _MALFORMED, np.uint64(0)
        if _may_be_linked(record, k == 0):
            _keep_accounts(accounts, record, kept, turn)
            _keep_holds(holds, free, counters, record, kept, turn)
            result, detail = _decide(accounts, policies, holds, free, counters, record)
        results[first + k] = result
        details[first + k] = detail
        if result > _UNDELIVERABLE:
            for back in range(turn, -1, -1):
                _take_back(accounts, holds, free, counters, kept, back)
            _refuse(results, details, first, last, result)
            return


@njit(cache=True, nogil=True)
def _refuse(results: Any, details: Any, first: Any, last: Any, reason: Any) -> None:
    """Says no to a record, or to a chain: why to its first, and to the others that they fell."""
    for k in range(first, last + 1):
        results[k] = _LINKED_FAILED
        details[k] = np.uint64(0)
    results[first] = reason


@njit(cache=True, nogil=True)
def _end_of_chain(records: Any, first: Any) -> Any:
    """The index of the last record that is linked to one; beyond the end where there is none."""
    last = first
    while last < records.shape[0] and records[last]["flags"] & _LINKED:
        last += 1
    return last


@njit(cache=True, nogil=True)
def _read_ahead(accounts: Any, records: Any, first: Any, end: Any) -> Any:
    """Brings the accounts of some records into the cache, all at once instead of one by one.

    Returns a sum without a meaning, which keeps the compiler from leaving the reading out.
    """
    total = np.uint64(0)
    for i in range(first, end):
        debit = np.int64(records[i]["debit"])
        credit = np.int64(records[i]["credit"])
        if debit < accounts.shape[0]:
            total ^= accounts[debit]["last_sequence"]
        if credit < accounts.shape[0]:
            total ^= accounts[credit]["last_sequence"]
    return total


@njit(cache=True, nogil=True)
def apply(
    accounts: Any, policies: Any, holds: Any, free: Any, counters: Any,
    records: Any, results: Any, details: Any, first: Any, halt: Any,
) -> Any:  # fmt: skip
    """Decides the records of a batch from `first` on, in order, and changes the state accordingly.

    Most of its time it would wait for memory: with a million accounts each record
    meets two that are in no cache. So it reads ahead, a block of records at a time.

    Args:
        accounts: (A,) ACCOUNT, changed in place.
        policies: (MAX_LIMIT_SETS, 6) int64, row 0 all zero (no limits); changed by SET_LIMIT.
        holds: (H,) HOLD, changed in place.
        free: (H,) int64, a stack of free hold slots; counters[0] is its height.
        counters: (1,) int64.
        records: (N,) RECORD.
        results: (N,) uint8, filled with Result values.
        details: (N,) uint64, filled; a HOLD's reference (slot | generation << 32), else 0.
        first: the record to begin with.
        halt: whether to stop before a record that is too old to say whether it is new;
            otherwise it is answered SEQUENCE_STALE.

    Returns:
        The index of the record that it stopped before, N at the end; and a sum without a
        meaning, see `_read_ahead`.
    """
    i = first
    n = records.shape[0]
    ahead = first
    total = np.uint64(0)
    while i < n:
        if i >= ahead:
            ahead = min(n, i + READ_AHEAD)
            total ^= _read_ahead(accounts, records, i, ahead)
        record = records[i]
        last = _end_of_chain(records, i)
        claimed = _claim(accounts, record)
        if last >= n or last - i + 1 > MAX_CHAIN:
            claimed = _MALFORMED
            last = min(last, n - 1)
        if halt and claimed == _SEQUENCE_STALE:
            return i, total
        if claimed != _ACCEPTED:
            _refuse(results, details, i, last, claimed)
        elif last > i:
            _chain(accounts, policies, holds, free, counters, records, i, last, results, details)
        else:
            result, detail = _decide(accounts, policies, holds, free, counters, record)
            results[i] = result
            details[i] = detail
        i = last + 1
    return n, total
