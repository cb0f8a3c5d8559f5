"""Much traffic among few accounts from a seed, and what it comes to when nothing is at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from settlement.records import RECORD, AccountFlag, Kind, Limit, RecordFlag, Records, Result
from settlement.state import State
from tests.settlement.books import NOON_MS, PURPOSE, opening, record, transfer

ACCOUNTS = 5
_DAY_MS = 86_400_000
_CONTENT = ["kind", "debit", "credit", "purpose", "amount_fen", "expires_ms", "ref", "digest"]


def _odds(*weights: int) -> np.ndarray:
    return np.array(weights) / sum(weights)


_LENGTHS = _odds(30, 6, 2, 1)
"""How often a unit has 1, 2, 3 and 8 records."""


def setup() -> Records:
    """Account 0 below zero, the others with little money and limits that are soon reached."""
    limits = {Limit.BALANCE_CAP: 900, Limit.SINGLE: 400, Limit.DAY: 2_000, Limit.YEAR: 7_000}
    return np.concatenate(
        [
            opening(0, flags=AccountFlag.MAY_GO_NEGATIVE),
            *(opening(n, policy=1) for n in range(1, ACCOUNTS)),
            *(transfer(0, n, 300, n) for n in range(1, ACCOUNTS)),
            *(
                record(Kind.SET_LIMIT, credit=1, ref=limit, amount_fen=fen)
                for limit, fen in limits.items()
            ),
        ]
    )


def traffic(seed: int, count: int, *, chains: bool) -> list[Records]:
    """About `count` records as units, each a record alone or a chain of two to eight.

    New ones, repeats of earlier ones with the same content or another, and stragglers that are
    too old for the core to say by itself whether they are new.
    """
    rng = np.random.default_rng(seed)
    records = _singles(rng, count)
    lengths = rng.choice([1, 2, 3, 8] if chains else [1], count, p=_LENGTHS if chains else None)
    units: list[Records] = []
    start = 0
    for length in lengths.tolist():
        if start + length > count:
            break
        unit = records[start : start + length]
        start += length
        unit["flags"][:-1] |= np.uint8(RecordFlag.LINKED)
        if length > 1 and rng.random() < 0.8:
            unit["kind"], unit["amount_fen"] = Kind.TRANSFER, 1 + unit["amount_fen"] % 9
        if rng.random() < 0.97:
            unit["sequence"][1:] = 0
        if length > 1 and rng.random() < 0.2:
            unit["flags"][0] |= np.uint8(RecordFlag.DECIDED_LAST)
        units.append(unit)
        if rng.random() < 0.15:
            back = int(rng.integers(1, 20 if rng.random() < 0.7 else len(units) + 1))
            units.append(_again(rng, units[-min(back, len(units))], chains=chains))
    return units


def _singles(rng: np.random.Generator, count: int) -> Records:
    made = np.zeros(count, RECORD)
    kinds = [Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.RELEASE, Kind.DELIVER, Kind.REFUSAL]
    made["kind"] = rng.choice(kinds, count, p=_odds(20, 10, 7, 7, 6, 1))
    ending = (made["kind"] == Kind.CAPTURE) | (made["kind"] == Kind.RELEASE)
    holding = ending | (made["kind"] == Kind.HOLD)
    made["debit"] = np.where(holding, rng.integers(1, 3, count), rng.integers(0, ACCOUNTS, count))
    made["credit"] = (made["debit"] + rng.integers(1, ACCOUNTS, count)) % ACCOUNTS
    made["origin"] = np.where(rng.random(count) < 0.9, made["debit"], made["credit"])
    made["amount_fen"] = rng.choice(
        [-1, 1, 20, 120, 390, 900], count, p=_odds(1, 60, 60, 30, 20, 3)
    )
    made["flags"] = rng.choice([0, RecordFlag.NO_LIMIT], count, p=_odds(2, 1))
    made["purpose"] = PURPOSE
    made["time_ms"] = NOON_MS + np.sort(rng.integers(0, 4, count)) * _DAY_MS
    made["expires_ms"] = rng.choice(
        [0, NOON_MS + _DAY_MS, NOON_MS + 9 * _DAY_MS], count, p=_odds(20, 1, 9)
    )
    made["digest"] = rng.integers(0, 3, count)
    made["amount_fen"][holding] = 20
    # Which hold a slot has is a guess, which is right often enough.
    slots = rng.integers(0, 2 + np.minimum(np.arange(count) // 20, 60))
    generations = rng.choice([1, 2, 3, 4], count, p=_odds(6, 3, 2, 1))
    made["ref"][ending] = (slots | generations << 32)[ending]
    # A delivery falls back on an account of its own choice.
    deliver = made["kind"] == Kind.DELIVER
    made["ref"][deliver] = rng.integers(0, ACCOUNTS, count)[deliver]
    for origin in range(ACCOUNTS):
        mine = np.flatnonzero(made["origin"] == origin)
        made["sequence"][mine] = _sequences(rng, len(mine))
    return made


def _sequences(rng: np.random.Generator, count: int) -> np.ndarray:
    """Mostly rising, some out of order, some a leap ahead, some far behind."""
    rising = ACCOUNTS + np.cumsum(rng.choice([1, 2, 90], count, p=_odds(40, 20, 1)))
    behind = rng.choice([0, 3, 70, 300], count, p=_odds(20, 3, 1, 1))
    return np.maximum(rising - behind, 1)


def _again(rng: np.random.Generator, unit: Records, *, chains: bool) -> Records:
    """The same unit once more, or one with its identity and another content."""
    again = unit.copy()
    again["time_ms"] = unit["time_ms"] + 1
    other = rng.random()
    if other < 0.1:
        again["amount_fen"][0] += 1
    elif other < 0.2:
        again["amount_fen"][-1] += 1
    elif other < 0.25:
        again["digest"] += np.uint64(1)
    elif other < 0.3 and len(again) > 1:
        again = again[:-1].copy()
        again["flags"][-1] &= ~np.uint8(RecordFlag.LINKED)
    elif other < 0.35 and chains and len(again) < 8:
        more = again[-1:].copy()
        again["flags"][-1] |= np.uint8(RecordFlag.LINKED)
        more["sequence"] = 0
        again = np.concatenate([again, more])
    return again


@dataclass
class Ends:
    """The answers for some records; each array (N,)."""

    results: list[int] = field(default_factory=list)
    details: list[int] = field(default_factory=list)
    repeated: list[bool] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)


class OneByOne:
    """What every unit comes to when each has been answered before the next one is looked at.

    The rule on one unit at a time, and a dictionary of the first answers.
    """

    def __init__(self) -> None:
        self.state = State.empty()
        self.ends = Ends()
        self.late = 0
        self._position = 0
        self._first: dict[tuple[int, int], tuple[Records, Ends]] = {}

    def take(self, unit: Records) -> None:
        """Decides a unit."""
        results, details = self.state.apply(unit)
        key = int(unit[0]["origin"]), int(unit[0]["sequence"])
        first = self._first.get(key)
        if results[0] == Result.SEQUENCE_STALE and first is None:
            unit = unit.copy()
            unit["flags"][0] |= np.uint8(RecordFlag.KNOWN_NEW)
            self.late += 1
            results, details = self.state.apply(unit)
        if results[0] in (Result.REPEATED, Result.SEQUENCE_STALE):
            assert first is not None
            self._again(unit, *first)
            return
        count = len(unit)
        positions = list(range(self._position + 1, self._position + count + 1))
        self._position += count
        ends = Ends(results.tolist(), details.tolist(), [False] * count, positions)
        if key[1]:
            self._first[key] = unit, ends
        self._add(ends)

    def _again(self, unit: Records, first: Records, ends: Ends) -> None:
        count = len(unit)
        if len(first) == count and all((first[name] == unit[name]).all() for name in _CONTENT):
            self._add(Ends(ends.results, ends.details, [True] * count, ends.positions))
            return
        refused = [int(Result.ID_REUSED)] + [int(Result.LINKED_FAILED)] * (count - 1)
        self._add(Ends(refused, [0] * count, [False] * count, [0] * count))

    def _add(self, ends: Ends) -> None:
        self.ends.results += ends.results
        self.ends.details += ends.details
        self.ends.repeated += ends.repeated
        self.ends.positions += ends.positions
