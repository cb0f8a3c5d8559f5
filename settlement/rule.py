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

from settlement.limits import (
    MAX_ACCOUNT_HOLDS,
    MAX_AMOUNT_FEN,
    MAX_DEBT_FEN,
    MAX_TIME_MS,
    SEQUENCE_WINDOW,
)
from settlement.records import (
    ADMINISTRATIVE,
    ENDING_HOLDS,
    MOVING,
    AccountFlag,
    Kind,
    Limit,
    RecordFlag,
    Result,
)

RULE_VERSION = 2
"""Written into every journal row and snapshot. Whoever changes what the rule decides, here or in
a bound that it reads from elsewhere, counts this up: a compiled rule is kept beside this file and
made anew only when this file changes; and a journal is replayed by the rule that decided it."""

# Numba wants plain integers; the enums stay the one place where they are named.
_OPEN, _SET_FLAGS, _SET_CLASS, _POLICY = map(
    int, (Kind.OPEN, Kind.SET_FLAGS, Kind.SET_CLASS, Kind.POLICY)
)
_TRANSFER, _HOLD, _CAPTURE, _RELEASE = map(
    int, (Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.RELEASE)
)
_DELIVER, _REFUSAL = int(Kind.DELIVER), int(Kind.REFUSAL)
_ADMINISTRATIVE = tuple(map(int, sorted(ADMINISTRATIVE)))
_ENDING_HOLDS = tuple(map(int, sorted(ENDING_HOLDS)))
_MOVING = tuple(map(int, sorted(MOVING)))
_LINKED, _NO_LIMIT, _KNOWN_NEW = map(int, RecordFlag)
_IS_OPEN, _FROZEN, _CLOSED, _NEGATIVE, _MANY_HOLDS = map(int, AccountFlag)
_KEPT_FLAGS = _IS_OPEN | _NEGATIVE | _CLOSED | _MANY_HOLDS
_CAP, _SINGLE, _DAY, _YEAR = map(int, Limit)

_ACCEPTED = int(Result.ACCEPTED)
_UNDELIVERABLE = int(Result.UNDELIVERABLE)
_MALFORMED = int(Result.MALFORMED)
_REPEATED = int(Result.REPEATED)
_SEQUENCE_STALE = int(Result.SEQUENCE_STALE)
_LINKED_FAILED = int(Result.LINKED_FAILED)
_AMOUNT_INVALID = int(Result.AMOUNT_INVALID)
_EXPIRED = int(Result.EXPIRED)
_REFUSED_UPSTREAM = int(Result.REFUSED_UPSTREAM)
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
def _spending_day(accounts: Any, debit: Any, time_ms: Any) -> Any:
    """The day that spending counts against: a payer's own day never goes back.

    Otherwise two records around midnight in the wrong order, or a clock that was set back,
    would begin a day's limit anew each time.
    """
    return max(_day_of(time_ms), np.int64(accounts[debit]["day"]))


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
        fen of the day, fen of the year: what the rule would count a payment of that time on top of.
    """
    day, year = _spent(accounts, index, _spending_day(accounts, index, time_ms))
    return int(day), int(year)


@njit(cache=True, nogil=True)
def _within_limits(accounts: Any, policies: Any, debit: Any, amount: Any, time_ms: Any) -> Any:
    """Whether the payer's limits leave room for an amount."""
    policy = np.int64(accounts[debit]["policy"])
    day_spent, year_spent = _spent(accounts, debit, _spending_day(accounts, debit, time_ms))
    if policies[policy, _SINGLE] and amount > policies[policy, _SINGLE]:
        return _OVER_SINGLE
    if policies[policy, _DAY] and day_spent + amount > policies[policy, _DAY]:
        return _OVER_DAY
    if policies[policy, _YEAR] and year_spent + amount > policies[policy, _YEAR]:
        return _OVER_YEAR
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _is_counted(accounts: Any, debit: Any, record: Any) -> Any:
    """Whether what a record spends counts against its payer's limits."""
    return not (record["flags"] & _NO_LIMIT) and accounts[debit]["policy"] != 0


@njit(cache=True, nogil=True)
def _count(accounts: Any, debit: Any, record: Any) -> None:
    """Counts what is now spent against the payer's limits."""
    day = _spending_day(accounts, debit, record["time_ms"])
    day_spent, year_spent = _spent(accounts, debit, day)
    if day != accounts[debit]["day"]:
        accounts[debit]["day"] = day
        accounts[debit]["year"] = _year_of(day)
    accounts[debit]["day_spent_fen"] = day_spent + record["amount_fen"]
    accounts[debit]["year_spent_fen"] = year_spent + record["amount_fen"]


@njit(cache=True, nogil=True)
def _can_take(accounts: Any, policies: Any, credit: Any, amount: Any) -> Any:
    """Whether an account may be credited with an amount."""
    flags = accounts[credit]["flags"]
    if flags & _CLOSED:
        return _CREDIT_CLOSED
    if flags & _FROZEN:
        return _CREDIT_FROZEN
    cap = policies[np.int64(accounts[credit]["policy"]), _CAP]
    if cap and accounts[credit]["available_fen"] + accounts[credit]["held_fen"] + amount > cap:
        return _OVER_CAP
    return _ACCEPTED


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
        taken = _can_take(accounts, policies, credit, amount)
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
    accounts[debit]["open_holds"] += 1
    generation = np.uint64(holds[slot]["generation"])
    return _ACCEPTED, (generation << np.uint64(32)) | np.uint64(slot)


@njit(cache=True, nogil=True)
def _end_hold(
    accounts: Any, policies: Any, holds: Any, free: Any, counters: Any, record: Any
) -> Any:
    """CAPTURE and RELEASE: held → another account, or back to available."""
    ref = record["ref"]
    slot = np.int64(ref & np.uint64(0xFFFFFFFF))
    generation = np.int64(ref >> np.uint64(32))
    if slot >= holds.shape[0] or not holds[slot]["open"] or holds[slot]["generation"] != generation:
        return _HOLD_UNKNOWN
    account = np.int64(holds[slot]["account"])
    amount = holds[slot]["amount_fen"]
    if record["amount_fen"] != amount or record["debit"] != account:
        return _HOLD_MISMATCH
    if record["kind"] == _CAPTURE:
        credit = np.int64(record["credit"])
        if credit == account:
            return _SAME_ACCOUNT
        taken = _reaches(accounts, account, credit)
        if taken == _ACCEPTED:
            taken = _can_take(accounts, policies, credit, amount)
        if taken != _ACCEPTED:
            return taken
        accounts[account]["held_fen"] -= amount
        accounts[credit]["available_fen"] += amount
    else:
        accounts[account]["held_fen"] -= amount
        accounts[account]["available_fen"] += amount
        # What was not spent counts against no limit, as far as its day or year still runs.
        if holds[slot]["day"] >= 0:
            if holds[slot]["day"] == accounts[account]["day"]:
                accounts[account]["day_spent_fen"] -= amount
            if holds[slot]["year"] == accounts[account]["year"]:
                accounts[account]["year_spent_fen"] -= amount
    holds[slot]["open"] = 0
    accounts[account]["open_holds"] -= 1
    free[counters[0]] = slot
    counters[0] += 1
    return _ACCEPTED


@njit(cache=True, nogil=True)
def _administer(accounts: Any, policies: Any, record: Any) -> Any:
    """OPEN, SET_FLAGS, SET_CLASS, POLICY: idempotent by their content."""
    kind = record["kind"]
    if kind == _POLICY:
        row = np.int64(record["credit"])
        column = np.int64(record["spare"])
        if row >= policies.shape[0] or row == 0 or column >= policies.shape[1]:
            return _MALFORMED
        if record["amount_fen"] < 0:
            return _AMOUNT_INVALID
        policies[row, column] = record["amount_fen"]
        return _ACCEPTED
    account = np.int64(record["credit"])
    if account >= accounts.shape[0]:
        return _CREDIT_UNKNOWN
    policy = np.int64(record["spare"]) & 0xFF
    if policy >= policies.shape[0]:
        return _MALFORMED
    if kind == _OPEN:
        if accounts[account]["flags"] & _IS_OPEN:
            return _ACCEPTED
        accounts[account]["policy"] = policy
        accounts[account]["ledger"] = np.int64(record["spare"]) >> 8
        accounts[account]["flags"] = np.int64(record["ref"]) | _IS_OPEN
        return _ACCEPTED
    if not accounts[account]["flags"] & _IS_OPEN:
        return _CREDIT_UNKNOWN
    if kind == _SET_CLASS:
        accounts[account]["policy"] = policy
        return _ACCEPTED
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
    if record["amount_fen"] <= 0 or record["amount_fen"] > _MAX_AMOUNT:
        return _AMOUNT_INVALID, none
    if record["expires_ms"] and record["time_ms"] > record["expires_ms"]:
        return _EXPIRED, none
    if kind == _HOLD:
        return _hold(accounts, policies, holds, free, counters, record)
    if kind in _ENDING_HOLDS:
        return _end_hold(accounts, policies, holds, free, counters, record), none
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
    return _identify(accounts, origin, sequence, record["flags"] & _KNOWN_NEW)


@njit(cache=True, nogil=True)
def _chain(
    accounts: Any, policies: Any, holds: Any, free: Any, counters: Any,
    records: Any, first: Any, last: Any, results: Any, details: Any,
) -> None:  # fmt: skip
    """Records first..last stand or fall together."""
    length = last - first + 1
    saved_accounts = np.empty(2 * MAX_CHAIN, accounts.dtype)
    saved_numbers = np.full(2 * MAX_CHAIN, -1, np.int64)
    saved_holds = np.empty(MAX_CHAIN, holds.dtype)
    saved_slots = np.full(MAX_CHAIN, -1, np.int64)
    saved_free = np.full((MAX_CHAIN, 2), -1, np.int64)
    failed = np.int64(-1)
    for k in range(length):
        record = records[first + k]
        kind = record["kind"]
        if kind in _ADMINISTRATIVE or (k > 0 and record["sequence"] != 0):
            results[first + k] = _MALFORMED
            failed = np.int64(k)
            break
        debit = np.int64(record["debit"])
        credit = np.int64(record["credit"])
        slot = np.int64(-1)
        if kind == _HOLD and counters[0] > 0:
            slot = np.int64(free[counters[0] - 1])
        elif kind in _ENDING_HOLDS:
            slot = np.int64(record["ref"] & np.uint64(0xFFFFFFFF))
        if kind == _DELIVER:
            # No step of a chain is undeliverable: its parts would no longer belong together.
            results[first + k] = _MALFORMED
            failed = np.int64(k)
            break
        if debit < accounts.shape[0]:
            saved_accounts[2 * k] = accounts[debit]
            saved_numbers[2 * k] = debit
        if credit < accounts.shape[0]:
            saved_accounts[2 * k + 1] = accounts[credit]
            saved_numbers[2 * k + 1] = credit
        if 0 <= slot < holds.shape[0]:
            saved_holds[k] = holds[slot]
            saved_slots[k] = slot
        saved_free[k, 0] = counters[0]
        saved_free[k, 1] = free[counters[0]] if counters[0] < free.shape[0] else 0
        result, detail = _decide(accounts, policies, holds, free, counters, record)
        results[first + k] = result
        details[first + k] = detail
        if result > _UNDELIVERABLE:
            failed = np.int64(k)
            break
    if failed < 0:
        return
    reason = results[first + failed]
    for back in range(failed, -1, -1):
        if saved_slots[back] >= 0:
            holds[saved_slots[back]] = saved_holds[back]
        if saved_numbers[2 * back + 1] >= 0:
            accounts[saved_numbers[2 * back + 1]] = saved_accounts[2 * back + 1]
        if saved_numbers[2 * back] >= 0:
            accounts[saved_numbers[2 * back]] = saved_accounts[2 * back]
        if saved_free[back, 0] >= 0:
            if saved_free[back, 0] < free.shape[0]:
                free[saved_free[back, 0]] = saved_free[back, 1]
            counters[0] = saved_free[back, 0]
    for k in range(length):
        results[first + k] = _LINKED_FAILED
        details[first + k] = np.uint64(0)
    results[first] = reason


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
        policies: (MAX_POLICIES, 4) int64 fen, row 0 all zero (no limits); changed by POLICY.
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
        last = i
        while last < n and records[last]["flags"] & _LINKED:
            last += 1
        if last == i:
            details[i] = 0
            claimed = _claim(accounts, record)
            if halt and claimed == _SEQUENCE_STALE:
                return i, total
            if claimed != _ACCEPTED:
                results[i] = claimed
            else:
                result, detail = _decide(accounts, policies, holds, free, counters, record)
                results[i] = result
                details[i] = detail
            i += 1
            continue
        # A chain: i..last, where `last` is the first record without the flag.
        claimed = _claim(accounts, record)
        if last >= n or last - i + 1 > MAX_CHAIN:
            claimed = _MALFORMED
            last = min(last, n - 1)
        if halt and claimed == _SEQUENCE_STALE:
            return i, total
        if claimed != _ACCEPTED:
            for k in range(i, last + 1):
                results[k] = _LINKED_FAILED
                details[k] = 0
            results[i] = claimed
        else:
            _chain(accounts, policies, holds, free, counters, records, i, last, results, details)
        i = last + 1
    return n, total
