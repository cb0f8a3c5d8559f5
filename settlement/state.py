"""The core's state in memory, and how it is created, grown, copied and restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from settlement.limits import MAX_ACCOUNTS, MAX_HOLDS, MAX_LIMIT_SETS, SEQUENCE_WINDOW
from settlement.records import (
    ACCOUNT,
    ENDING_HOLDS,
    HOLD,
    Accounts,
    Holds,
    Kind,
    Limit,
    Records,
    is_of,
)
from settlement.rule import apply

_FIRST_ACCOUNTS = 1_024
_FIRST_HOLDS = 1_024
_CACHE_LINE = ACCOUNT.itemsize
_ROW = np.dtype(f"V{ACCOUNT.itemsize}")
"""An account's row as bytes: NumPy copies structures field by field, which takes longer."""

_OPEN, _HOLD, _DELIVER = map(int, (Kind.OPEN, Kind.HOLD, Kind.DELIVER))
_KINDS = max(Kind) + 1


@dataclass(frozen=True)
class Undo:
    """A copy of what some records may change, from before they were decided.

    Attributes:
        numbers: (N,) account numbers, some more than once.
        rows: (N,) their rows.
        policies: the whole table of limit sets.
        slots: (M,) places of holds.
        holds: (M,) HOLD, what was there.
        low: where `free` begins in the stack of free places.
        free: the part of that stack which may change.
        height: how many places the stack has.
    """

    numbers: NDArray[np.uint32]
    rows: NDArray[np.void]
    policies: NDArray[np.int64]
    slots: NDArray[np.int64]
    holds: Holds
    low: int
    free: NDArray[np.int64]
    height: int


class LayoutError(ValueError):
    """Some arrays do not have the shapes and dtypes that a state has in this version."""


@dataclass
class State:
    """Everything that the rule reads and writes, for one writer; see `settlement.rule.apply`.

    Raises:
        LayoutError: an array has another shape or dtype.
    """

    accounts: Accounts
    policies: NDArray[np.int64]
    holds: Holds
    free: NDArray[np.int64]
    counters: NDArray[np.int64]

    def __post_init__(self) -> None:
        for array, kind, shape in (
            (self.accounts, ACCOUNT, (len(self.accounts),)),
            (self.policies, np.dtype(np.int64), (MAX_LIMIT_SETS, len(Limit))),
            (self.holds, HOLD, (len(self.holds),)),
            (self.free, np.dtype(np.int64), (len(self.holds),)),
            (self.counters, np.dtype(np.int64), (1,)),
        ):
            if array.dtype != kind or array.shape != shape:
                raise LayoutError(f"{array.shape} of {array.dtype} instead of {shape} of {kind}")
        self.accounts = _aligned(self.accounts, len(self.accounts))

    @classmethod
    def empty(cls) -> State:
        """A state without accounts."""
        return cls(
            accounts=np.zeros(_FIRST_ACCOUNTS, ACCOUNT),
            policies=np.zeros((MAX_LIMIT_SETS, len(Limit)), np.int64),
            holds=np.zeros(_FIRST_HOLDS, HOLD),
            free=np.arange(_FIRST_HOLDS - 1, -1, -1, dtype=np.int64),
            counters=np.array([_FIRST_HOLDS], np.int64),
        )

    def apply(self, records: Records) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
        """Runs the rule over records (N,); returns results (N,) and details (N,)."""
        results, details = self.begin(records)
        self.decide(records, results, details, 0, halt=False)
        return results, details

    def begin(self, records: Records) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
        """Makes room for what these records may open; returns empty results and details, (N,)."""
        self._grow(records)
        return np.zeros(len(records), np.uint8), np.zeros(len(records), np.uint64)

    def decide(
        self,
        records: Records,
        results: NDArray[np.uint8],
        details: NDArray[np.uint64],
        first: int,
        *,
        halt: bool,
    ) -> int:
        """Runs the rule from record `first` on; see `settlement.rule.apply`.

        Returns:
            The index of the record that it stopped before; N at the end.
        """
        end, _ = apply(
            self.accounts, self.policies, self.holds, self.free, self.counters,
            records, results, details, first, halt,
        )  # fmt: skip
        return int(end)

    def may_be_too_old(self, records: Records) -> NDArray[np.bool_]:
        """Which of these records may be too old, when their turn comes, to say if they are new.

        It may name some that turn out not to be.
        """
        sequences = records["sequence"]
        origins, which = np.unique(records["origin"], return_inverse=True)
        last = self.accounts["last_sequence"][np.minimum(origins, len(self.accounts) - 1)]
        np.maximum.at(last, which, sequences)
        late: NDArray[np.bool_] = last[which] - sequences >= SEQUENCE_WINDOW
        return late & (sequences > 0)

    def _grow(self, records: Records) -> None:
        """Makes room for the accounts and holds that these records may open.

        How much it grows depends only on the state and the records, so a replay grows alike.
        """
        kinds = np.bincount(records["kind"], minlength=_KINDS)
        if kinds[_OPEN]:
            numbers = records["credit"][records["kind"] == _OPEN]
            numbers = numbers[numbers < MAX_ACCOUNTS]
            needed = int(numbers.max(initial=0)) + 1
            if needed > len(self.accounts):
                size = min(MAX_ACCOUNTS, max(needed, 2 * len(self.accounts)))
                self.accounts = _aligned(self.accounts, size)
        wanted = int(kinds[_HOLD])
        while wanted > self.counters[0] and len(self.holds) < MAX_HOLDS:
            self._double_holds()

    def _double_holds(self) -> None:
        old = len(self.holds)
        holds = np.zeros(2 * old, HOLD)
        holds[:old] = self.holds
        height = int(self.counters[0])
        free = np.zeros(2 * old, np.int64)
        free[:old] = np.arange(2 * old - 1, old - 1, -1)
        free[old : old + height] = self.free[:height]
        self.holds, self.free = holds, free
        self.counters[0] = old + height

    def saved(self, records: Records) -> Undo:
        """Copies what these records may change; makes room for them first.

        Some rows are copied twice, which is faster than looking for doubles.
        """
        self._grow(records)
        kinds = np.bincount(records["kind"], minlength=_KINDS)
        delivered = records["ref"][records["kind"] == _DELIVER].astype(np.uint32)
        touched = [records["debit"], records["credit"], records["origin"], delivered]
        numbers = np.concatenate(touched)
        numbers = numbers[numbers < len(self.accounts)]
        # An account opened by these records has no parent yet; its OPEN names it as the debit.
        parents = self.accounts["parent"][numbers]
        numbers = np.concatenate([numbers, parents[parents > 0]])
        ending = is_of(records, ENDING_HOLDS)
        height = int(self.counters[0])
        low = max(0, height - int(kinds[_HOLD]))
        high = min(len(self.free), height + int(np.count_nonzero(ending)))
        ended = (records["ref"][ending] & np.uint64(0xFFFFFFFF)).astype(np.int64)
        slots = np.concatenate([self.free[low:height], ended[ended < len(self.holds)]])
        return Undo(
            numbers, self.accounts.view(_ROW)[numbers], self.policies.copy(),
            slots, self.holds[slots], low, self.free[low:high].copy(), height,
        )  # fmt: skip

    def restore(self, undo: Undo) -> None:
        """Puts everything back as it was when `undo` was saved."""
        self.accounts.view(_ROW)[undo.numbers] = undo.rows
        self.policies[:] = undo.policies
        self.holds[undo.slots] = undo.holds
        self.free[undo.low : undo.low + len(undo.free)] = undo.free
        self.counters[0] = undo.height

    def copy(self) -> State:
        """A copy of the state as it is now."""
        return State(
            self.accounts,
            self.policies.copy(),
            self.holds.copy(),
            self.free.copy(),
            self.counters.copy(),
        )

    def copy_accounts(self, numbers: Sequence[int]) -> Accounts:
        """Rows (len(numbers),) of ACCOUNT; an unknown number gives a row of zeros."""
        wanted = np.asarray(numbers, np.int64)
        known = (wanted >= 0) & (wanted < len(self.accounts))
        rows = np.zeros(len(wanted), ACCOUNT)
        rows[known] = self.accounts[wanted[known]]
        return rows

    def equals(self, other: State) -> bool:
        """Whether two states are the same; the room that they keep in reserve may differ."""
        return (
            _same_rows(self.accounts, other.accounts)
            and np.array_equal(self.policies, other.policies)
            and _same_rows(self.holds, other.holds)
            and _same_top(self.free[: self.counters[0]], other.free[: other.counters[0]])
        )


def _aligned(accounts: Accounts, size: int) -> Accounts:
    """A copy with room for `size` accounts, each in a cache line of its own."""
    raw = np.zeros(size * ACCOUNT.itemsize + _CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % _CACHE_LINE
    # As bytes: NumPy copies structures field by field, which takes four times as long.
    raw[start : start + accounts.nbytes] = accounts.view(np.uint8)
    return raw[start : start + size * ACCOUNT.itemsize].view(ACCOUNT)


def _same_rows(one: NDArray[np.void], two: NDArray[np.void]) -> bool:
    shared = min(len(one), len(two))
    rest = one[shared:] if len(one) > shared else two[shared:]
    return one[:shared].tobytes() == two[:shared].tobytes() and not any(rest.tobytes())


def _same_top(one: NDArray[np.int64], two: NDArray[np.int64]) -> bool:
    """Whether the tops of two stacks of free places are the same, as far as both reach."""
    shared = min(len(one), len(two))
    return np.array_equal(one[len(one) - shared :], two[len(two) - shared :])
