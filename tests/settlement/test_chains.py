"""Chains of many kinds: one that fails leaves no trace but its identity, holds included."""

from __future__ import annotations

import numpy as np
import pytest

from offline_token.limits import MAX_CHAINS
from settlement.records import RECORD, AccountFlag, Kind, RecordFlag, Records, Result
from settlement.rule import MAX_CHAIN
from settlement.state import State
from tests.settlement.books import NOON_MS, opening, transfer
from tests.settlement.traffic import ACCOUNTS, setup

_CHAINS = 1_500


def chain(rng: np.random.Generator, state: State, sequence: int) -> Records:
    """Pays, holds and ends holds, so that most of its records would pass alone."""
    count = int(rng.integers(2, MAX_CHAIN + 1))
    made = np.zeros(count, RECORD)
    kinds = [Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.RELEASE]
    made["kind"] = rng.choice(kinds, count)
    made["debit"] = rng.integers(1, ACCOUNTS, count)
    made["credit"] = rng.choice([0, 0, 1, 2], count)
    made["amount_fen"] = rng.integers(1, 9, count)
    made["flags"] = RecordFlag.LINKED
    made["flags"][-1] = 0
    made["time_ms"] = NOON_MS
    made["origin"], made["sequence"][0] = 1, sequence
    taken = np.flatnonzero(state.holds["open"])
    rng.shuffle(taken)
    for row, slot in zip(made, np.resize(taken, count) if len(taken) else [0] * count, strict=True):
        if row["kind"] not in (Kind.CAPTURE, Kind.RELEASE):
            continue
        held = state.holds[slot]
        row["ref"] = int(slot) | int(held["generation"]) << 32
        row["debit"], row["amount_fen"] = held["account"], held["amount_fen"]
    return made


def trace(state: State) -> list[bytes]:
    """Everything but which sequences were seen."""
    accounts = state.accounts.copy()
    accounts["last_sequence"] = accounts["seen"] = 0
    free = state.free[: state.counters[0]]
    return [accounts.tobytes(), state.holds.tobytes(), free.tobytes(), state.policies.tobytes()]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_failed_chain_leaves_no_trace_in_accounts_and_holds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = State.empty()
    state.apply(setup())
    ends = {True: 0, False: 0}
    for sequence in range(ACCOUNTS, ACCOUNTS + _CHAINS):
        before = trace(state)
        results, details = state.apply(chain(rng, state, sequence))
        accepted = results[0] == Result.ACCEPTED
        ends[bool(accepted)] += 1
        if accepted:
            assert not results.any()
            assert trace(state) != before
        else:
            assert (results[1:] == Result.LINKED_FAILED).all()
            assert not details.any()
            assert trace(state) == before
        assert int(state.accounts[1]["last_sequence"]) == sequence
        held = state.holds["amount_fen"][state.holds["open"] == 1].sum()
        assert held == state.accounts["held_fen"].sum()
    assert min(ends.values()) > 50


def test_the_largest_deposit_is_one_chain() -> None:
    # What it is worth comes from one account, and what was spent twice from a bank's each.
    assert MAX_CHAINS + 1 <= MAX_CHAIN
    payers, payee = range(1, MAX_CHAIN + 1), MAX_CHAIN + 1
    state = State.empty()
    state.apply(np.concatenate([opening(n, flags=AccountFlag.MAY_GO_NEGATIVE) for n in payers]))
    state.apply(opening(payee))
    whole = np.concatenate([transfer(n, payee, 1, 0, flags=RecordFlag.LINKED) for n in payers])
    whole["sequence"][0], whole["flags"][-1] = 1, 0
    results, _ = state.apply(whole)
    assert not results.any()
    assert state.accounts[payee]["available_fen"] == MAX_CHAIN
