"""Random batches: the compiled rule, the uncompiled one and a naive model agree."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.records import (
    IN_FEN,
    RECORD,
    AccountFlag,
    Kind,
    Limit,
    RecordFlag,
    Records,
    Result,
)
from settlement.rule import apply
from settlement.state import State
from tests.settlement.books import NOON_MS, PURPOSE, opening, record, transfer

ACCOUNTS = 7
PARENT, CHILD, UNLIMITED_CHILD = 4, 5, 6
CHILDREN = {CHILD, UNLIMITED_CHILD}
NIGHT_MS = 1_767_193_200_000
"""An hour before a new year begins in UTC+8."""

NEW_DAY = (NIGHT_MS + 8 * 3_600_000) // 86_400_000 + 1
BEFORE, SINCE = 9, 1
"""Limit sets: which holds until the new year, and which from then on."""

LIMITS = {BEFORE: (1_300, 400, 700, 1_400), SINCE: (1_100, 450, 600, 1_500)}
"""Balance cap, single, day, year: two are lowered, and two raised."""

Key = tuple[int, str, int]
"""Account, day or year, which."""


def start() -> State:
    """Account 0 below zero, the others with 1,000 fen and tight limits, which change at the new
    year; two under a parent, of which one has no limits of its own."""
    state = State.empty()
    setup = [
        opening(0, flags=AccountFlag.MAY_GO_NEGATIVE),
        *(opening(n, policy=1) for n in range(1, CHILD)),
        opening(CHILD, policy=1, parent=PARENT),
        opening(UNLIMITED_CHILD, parent=PARENT),
        *(transfer(0, n, 1_000, n) for n in range(1, ACCOUNTS)),
        *(
            record(Kind.SET_LIMIT, credit=limit_set, ref=limit, amount_fen=fen)
            for limit_set, limits in LIMITS.items()
            for limit, fen in zip(IN_FEN, limits, strict=True)
        ),
        record(Kind.SET_LIMIT, credit=SINCE, ref=Limit.FROM_DAY, amount_fen=NEW_DAY),
        record(Kind.SET_LIMIT, credit=SINCE, ref=Limit.BEFORE, amount_fen=BEFORE),
    ]
    state.apply(np.concatenate(setup))
    return state


class Model:
    """The rule for TRANSFER, HOLD, CAPTURE, RELEASE and DELIVER, in dictionaries."""

    def __init__(self) -> None:
        self.free = {n: 1_000 for n in range(1, ACCOUNTS)} | {0: -1_000 * (ACCOUNTS - 1)}
        self.held = dict.fromkeys(range(ACCOUNTS), 0)
        self.seen: dict[int, set[int]] = {n: set() for n in range(ACCOUNTS)}
        self.seen[0] = set(range(1, ACCOUNTS))
        self.spent: dict[Key, int] = {}
        self.holds: dict[int, tuple[int, int, list[Key]]] = {}
        self.today: dict[int, int] = {}

    def decide(self, r: np.void, hold_ref: int) -> Result:
        origin, sequence = int(r["origin"]), int(r["sequence"])
        if sequence <= max(self.seen[origin], default=0) - 64:
            return Result.SEQUENCE_STALE
        if sequence in self.seen[origin]:
            return Result.REPEATED
        self.seen[origin].add(sequence)
        fen, kind = int(r["amount_fen"]), Kind(int(r["kind"]))
        if fen <= 0:
            return Result.AMOUNT_INVALID
        if r["expires_ms"] and r["time_ms"] > r["expires_ms"]:
            return Result.EXPIRED
        if kind in (Kind.CAPTURE, Kind.RELEASE):
            return self.end(r, kind)
        debit, credit = int(r["debit"]), int(r["credit"])
        if kind == Kind.HOLD:
            refused = self.cannot_pay(debit, fen, int(r["time_ms"]))
            if refused:
                return refused
            self.spend(debit, fen, int(r["time_ms"]))
            self.free[debit] -= fen
            self.held[debit] += fen
            self.holds[hold_ref] = (debit, fen, self.counted(debit, int(r["time_ms"])))
            return Result.ACCEPTED
        if debit == credit:
            return Result.SAME_ACCOUNT
        refused = self.cannot_pay(debit, fen, int(r["time_ms"]))
        if refused:
            return refused
        undeliverable = self.is_full(credit, fen, int(r["time_ms"]))
        if undeliverable:
            if kind != Kind.DELIVER:
                return Result.OVER_BALANCE_CAP
            credit = int(r["ref"])
            if debit == credit:
                return Result.SAME_ACCOUNT
        self.spend(debit, fen, int(r["time_ms"]))
        self.free[debit] -= fen
        self.free[credit] += fen
        return Result.UNDELIVERABLE if undeliverable else Result.ACCEPTED

    def cannot_pay(self, debit: int, fen: int, time_ms: int) -> Result | None:
        if debit == 0:
            return None
        for account, which, what in self.counted(debit, time_ms):
            if account == UNLIMITED_CHILD:
                continue
            _, single, most, of_year = limits_on(self.day_for(debit, time_ms))
            over = Result.OVER_DAY_LIMIT
            if which == "year":
                most, over = of_year, Result.OVER_YEAR_LIMIT
            elif fen > single:
                return Result.OVER_SINGLE_LIMIT
            if self.spent.get((account, which, what), 0) + fen > most:
                return over
        return Result.INSUFFICIENT_FUNDS if self.free[debit] < fen else None

    def spend(self, debit: int, fen: int, time_ms: int) -> None:
        if debit:
            for key in self.counted(debit, time_ms):
                self.spent[key] = self.spent.get(key, 0) + fen
                if key[1] == "day":
                    self.today[key[0]] = key[2]

    def counted(self, debit: int, time_ms: int) -> list[Key]:
        """What spending counts against: the payer's day and year, and those of its parent."""
        day = self.day_for(debit, time_ms)
        year = int(str(np.datetime64(day, "D"))[:4])
        those = [debit, PARENT] if debit in CHILDREN else [debit]
        return [key for one in those for key in ((one, "day", day), (one, "year", year))]

    def day_for(self, debit: int, time_ms: int) -> int:
        """The day that spending is of, and that it is judged by."""
        own = [debit, PARENT] if debit in CHILDREN else [debit]
        return max(day_of(time_ms), *(self.today.get(one, 0) for one in own))

    def is_full(self, credit: int, fen: int, time_ms: int) -> bool:
        if credit in (0, UNLIMITED_CHILD):
            return False
        cap, *_ = limits_on(max(day_of(time_ms), self.today.get(credit, 0)))
        return self.free[credit] + self.held[credit] + fen > cap

    def end(self, r: np.void, kind: Kind) -> Result:
        found = self.holds.get(int(r["ref"]))
        if found is None:
            return Result.HOLD_UNKNOWN
        account, left, counted = found
        fen = int(r["amount_fen"])
        if fen > left or int(r["debit"]) != account:
            return Result.HOLD_MISMATCH
        credit = int(r["credit"])
        if kind == Kind.CAPTURE:
            if credit == account:
                return Result.SAME_ACCOUNT
            if self.is_full(credit, fen, int(r["time_ms"])):
                return Result.OVER_BALANCE_CAP
            self.free[credit] += fen
        else:
            self.free[account] += fen
            if account:
                for key in counted:
                    self.spent[key] -= fen
        self.held[account] -= fen
        self.holds[int(r["ref"])] = account, left - fen, counted
        if left == fen:
            del self.holds[int(r["ref"])]
        return Result.ACCEPTED


def day_of(time_ms: int) -> int:
    return (time_ms + 8 * 3_600_000) // 86_400_000


def limits_on(day: int) -> tuple[int, int, int, int]:
    return LIMITS[SINCE if day >= NEW_DAY else BEFORE]


def _hold_refs(drawn: int) -> int:
    return (1 + drawn % 2) << 32 | drawn // 2


records = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(
                [Kind.TRANSFER] * 4 + [Kind.HOLD, Kind.CAPTURE, Kind.RELEASE, Kind.DELIVER]
            ),
            "origin": st.integers(0, ACCOUNTS - 1),
            "debit": st.integers(0, ACCOUNTS - 1),
            "credit": st.integers(0, ACCOUNTS - 1),
            "amount_fen": st.integers(0, 500),
            "sequence": st.one_of(st.integers(1, 12), st.integers(1, 200)),
            "expires_ms": st.sampled_from([0, NOON_MS - 1, NIGHT_MS + 10**10]),
            "hold": st.integers(0, 7),
            "time_ms": st.sampled_from([NIGHT_MS, NIGHT_MS, NIGHT_MS + 7_200_000]),
        }
    ),
    min_size=1,
    max_size=120,
)


def build(drawn: list[dict[str, int]]) -> Records:
    made = np.zeros(len(drawn), RECORD)
    made["purpose"] = PURPOSE
    for row, values in zip(made, drawn, strict=True):
        for name in (
            "kind",
            "origin",
            "debit",
            "credit",
            "amount_fen",
            "sequence",
            "expires_ms",
            "time_ms",
        ):
            row[name] = values[name]
        ending = values["kind"] in (Kind.CAPTURE, Kind.RELEASE)
        # A delivery falls back on account 0, which has no cap and may go below zero.
        row["ref"] = _hold_refs(values["hold"]) if ending else 0
    return made


@settings(max_examples=250, deadline=None)
@given(records)
def test_the_rule_is_the_model(drawn: list[dict[str, int]]) -> None:
    batch = build(drawn)
    state, model = start(), Model()
    results, details = state.apply(batch)
    for index, row in enumerate(batch):
        expected = model.decide(row, int(details[index]))
        assert Result(int(results[index])) == expected, (index, row)
    for number in range(ACCOUNTS):
        assert int(state.accounts[number]["available_fen"]) == model.free[number]
        assert int(state.accounts[number]["held_fen"]) == model.held[number]
    assert int(state.accounts["available_fen"].sum() + state.accounts["held_fen"].sum()) == 0
    for ref, (account, left, _) in model.holds.items():
        kept = state.holds[ref & 0xFFFFFFFF]
        assert (kept["open"], kept["account"], kept["amount_fen"]) == (1, account, left)
    assert np.count_nonzero(state.holds["open"]) == len(model.holds)


@settings(max_examples=60, deadline=None)
@given(records, st.integers(1, 40), st.booleans())
def test_the_cuts_between_batches_do_not_matter(
    drawn: list[dict[str, int]], cut: int, linked: bool
) -> None:
    batch = build(drawn)
    if linked and len(batch) > 1:
        batch[0]["flags"] = RecordFlag.LINKED
        batch[1]["sequence"] = 0
        cut = max(cut, 2)
    whole, parts = start(), start()
    results, _ = whole.apply(batch)
    cut = min(cut, len(batch))
    first, _ = parts.apply(batch[:cut])
    second = parts.apply(batch[cut:])[0] if cut < len(batch) else np.zeros(0, np.uint8)
    assert (np.concatenate([first, second]) == results).all()
    assert whole.equals(parts)


_UNCOMPILED = """
import sys
import numpy as np
from settlement.records import RECORD
from tests.settlement.test_rule_properties import start
batch = np.load(sys.argv[1], allow_pickle=False)
assert batch.dtype == RECORD
state = start()
results, details = state.apply(batch)
np.savez(sys.argv[2], results=results, details=details, accounts=state.accounts, holds=state.holds)
"""


def test_the_uncompiled_rule_is_the_compiled_one(tmp_path: object) -> None:
    rng = np.random.default_rng(20_261_121)
    count = 4_000
    batch = np.zeros(count, RECORD)
    batch["kind"] = rng.choice([5, 5, 5, 6, 7, 8, 9, 10], count)
    for name, high in (
        ("origin", ACCOUNTS),
        ("debit", ACCOUNTS),
        ("credit", ACCOUNTS + 1),
        ("amount_fen", 300),
    ):
        batch[name] = rng.integers(0, high, count)
    batch["sequence"] = rng.integers(0, 900, count)
    batch["purpose"] = rng.choice([0, 1, 2**16 - 1], count, p=[0.02, 0.96, 0.02])
    batch["flags"] = rng.choice([0, 0, 0, 1, 2], count)
    batch["flags"][-1] = 0
    batch["time_ms"] = NOON_MS + rng.integers(0, 400, count) * 86_400_000
    batch["ref"] = rng.integers(0, 12, count) | rng.integers(1, 40, count) << 32
    # What no honest caller sends is decided alike too, where numbers leave 32 and 64 bits.
    for name in ("amount_fen", "time_ms", "expires_ms"):
        batch[name][rng.random(count) < 0.02] = rng.choice([-(2**63), -1, 2**63 - 1])
    for name in ("sequence", "ref"):
        batch[name][rng.random(count) < 0.02] = rng.choice(np.array([2**63, 2**64 - 1], np.uint64))
    for name in ("origin", "debit", "credit"):
        batch[name][rng.random(count) < 0.01] = 2**32 - 1
    batch["kind"][rng.random(count) < 0.01] = 255
    np.save(f"{tmp_path}/batch.npy", batch)
    subprocess.run(
        [sys.executable, "-c", _UNCOMPILED, f"{tmp_path}/batch.npy", f"{tmp_path}/answers.npz"],
        check=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=200,
    )
    state = start()
    results, details = state.apply(batch)
    with np.load(f"{tmp_path}/answers.npz") as other:
        assert (other["results"] == results).all()
        assert (other["details"] == details).all()
        assert other["accounts"].tobytes() == state.accounts.tobytes()
        assert other["holds"].tobytes() == state.holds.tobytes()
    assert len(set(results.tolist())) > 8
    assert hasattr(apply, "py_func")
