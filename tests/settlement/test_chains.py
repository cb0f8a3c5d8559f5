"""Chains of many kinds: one that fails leaves no trace but its identity, holds included."""

from __future__ import annotations

import numpy as np
import pytest

from offline_token.limits import MAX_CHAINS
from settlement.records import RECORD, AccountFlag, Kind, Limit, RecordFlag, Records, Result
from settlement.rule import MAX_CHAIN
from settlement.state import State
from tests.settlement.books import NOON_MS, PURPOSE, opening, record, transfer
from tests.settlement.traffic import ACCOUNTS, setup

_CHAINS = 1_500
LINKED = RecordFlag.LINKED


def chain(rng: np.random.Generator, state: State, sequence: int) -> Records:
    """Pays, holds and ends holds, so that most of its records would pass alone."""
    count = int(rng.integers(2, MAX_CHAIN + 1))
    made = np.zeros(count, RECORD)
    kinds = [Kind.TRANSFER, Kind.HOLD, Kind.CAPTURE, Kind.RELEASE]
    made["kind"] = rng.choice(kinds, count)
    made["debit"] = rng.integers(1, ACCOUNTS, count)
    made["credit"] = rng.choice([0, 0, 1, 2], count)
    if sequence % 8 == 0:
        made[rng.choice(["debit", "credit"])][-1] = len(state.accounts) + sequence % 2
    made["amount_fen"] = rng.integers(1, 9, count)
    made["flags"] = RecordFlag.LINKED
    made["flags"][-1] = 0
    made["time_ms"], made["purpose"] = NOON_MS, PURPOSE
    made["origin"], made["sequence"][0] = 1, sequence
    taken = np.flatnonzero(state.holds["open"])
    rng.shuffle(taken)
    slots = np.resize(taken, count).tolist() if len(taken) else [0] * count
    for row, slot in zip(made, slots, strict=True):
        if row["kind"] not in (Kind.CAPTURE, Kind.RELEASE):
            continue
        held = state.holds[slot]
        row["ref"] = slot | int(held["generation"]) << 32
        row["debit"], row["amount_fen"] = held["account"], held["amount_fen"]
    return made


def trace(state: State) -> list[bytes]:
    """Everything but which sequences were seen."""
    accounts = state.accounts.copy()
    accounts["last_sequence"] = accounts["seen"] = 0
    free = state.free[: state.counters[0]]
    parts = [accounts, state.holds, free, state.counters, state.policies]
    return [part.tobytes() for part in parts]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_failed_chain_leaves_no_trace_in_accounts_and_holds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = State.empty()
    state.apply(setup())
    ends = {True: 0, False: 0}
    for sequence in range(ACCOUNTS, ACCOUNTS + _CHAINS):
        before = trace(state)
        records = chain(rng, state, sequence)
        results, details = state.apply(records)
        accepted = results[0] == Result.ACCEPTED
        ends[bool(accepted)] += 1
        if accepted:
            assert not results.any()
            assert ((details > 0) == (records["kind"] == Kind.HOLD)).all()
            assert trace(state) != before
        else:
            assert (results[1:] == Result.LINKED_FAILED).all()
            assert not details.any()
            assert trace(state) == before
        assert int(state.accounts[1]["last_sequence"]) == sequence
        held = state.holds["amount_fen"][state.holds["open"] == 1].sum()
        assert held == state.accounts["held_fen"].sum()
    assert min(ends.values()) > 50


def pay(debit: int, credit: int, sequence: int = 0) -> Records:
    """One fen, linked to what follows."""
    return transfer(debit, credit, 1, sequence, flags=LINKED)


def ready() -> State:
    """As the traffic begins, a hold of account 2's, and money in the last account of all."""
    state = State.empty()
    last = len(state.accounts) - 1
    state.apply(np.concatenate([setup(), opening(last), transfer(0, last, 7, 899)]))
    held = record(Kind.HOLD, origin=2, debit=2, amount_fen=5, sequence=900)
    assert not state.apply(held)[0].any()
    return state


WRONG = {
    "an account is opened": record(Kind.OPEN, credit=ACCOUNTS + 3),
    "flags are set": record(Kind.SET_FLAGS, credit=3, ref=AccountFlag.FROZEN),
    "a class is set": record(Kind.SET_LIMIT_SET, credit=3, ref=2),
    "a limit is set": record(Kind.SET_LIMIT, credit=1, ref=Limit.DAY, amount_fen=77),
    "a number of its own": transfer(3, 0, 1, 900),
    "a delivery": record(Kind.DELIVER, debit=3, credit=1, amount_fen=1, ref=0),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("before", [1, 2, 5])
def test_what_belongs_in_no_chain_ends_it_and_nothing_is_left(wrong: Records, before: int) -> None:
    state = ready()
    release = record(
        Kind.RELEASE, debit=2, amount_fen=5, ref=1 << 32 | first_place(state), flags=LINKED
    )
    held = record(Kind.HOLD, debit=3, amount_fen=1, flags=LINKED)
    parts = [pay(3, 0, 901), held, release, pay(2, 0), held][:before]
    was = trace(state)
    after = record(Kind.REFUSAL, origin=4, sequence=902)
    wrong = wrong.copy()
    wrong["flags"] = LINKED
    results, details = state.apply(np.concatenate([*parts, wrong, transfer(4, 0, 1, 0), after]))
    failed = [Result.MALFORMED, *[Result.LINKED_FAILED] * (before + 1)]
    assert results.tolist() == [*failed, Result.REFUSED_UPSTREAM]
    assert not details.any()
    assert trace(state) == was


@pytest.mark.parametrize("kind", [Kind.OPEN, Kind.SET_FLAGS, Kind.SET_LIMIT_SET, Kind.SET_LIMIT])
def test_no_chain_begins_with_what_an_officer_does(kind: Kind) -> None:
    state = ready()
    was = trace(state)
    first = record(kind, credit=3, ref=1, amount_fen=9, flags=LINKED)
    results, _ = state.apply(np.concatenate([first, transfer(3, 0, 1, 0)]))
    assert results.tolist() == [Result.MALFORMED, Result.LINKED_FAILED]
    assert trace(state) == was


@pytest.mark.parametrize("places", [1, 2])
def test_a_failed_chain_gives_the_last_places_for_holds_back(places: int) -> None:
    state = ready()
    state.counters[0] = places
    was = trace(state)
    held = record(Kind.HOLD, debit=3, amount_fen=1, flags=LINKED)
    batch = np.concatenate([pay(3, 0, 901), held, transfer(3, 900, 1, 0)])
    results, _ = state.apply(batch)
    assert results[0] == Result.CREDIT_UNKNOWN
    assert trace(state) == was


def test_a_failed_chain_takes_no_place_for_a_hold_that_is_open() -> None:
    state = ready()
    state.counters[0] = 0
    was = trace(state)
    ref = 1 << 32 | first_place(state)
    release = record(Kind.RELEASE, debit=2, amount_fen=5, ref=ref, flags=LINKED)
    release["origin"], release["sequence"] = 3, 901
    results, _ = state.apply(np.concatenate([release, transfer(3, 900, 1, 0)]))
    assert results.tolist() == [Result.CREDIT_UNKNOWN, Result.LINKED_FAILED]
    assert trace(state) == was


NOBODYS = len(ready().accounts)
FAILS = {
    "to the account after the last": (transfer(3, NOBODYS, 1, 0), Result.CREDIT_UNKNOWN),
    "by the account after the last": (transfer(NOBODYS, 3, 1, 0), Result.DEBIT_UNKNOWN),
    "ends the hold after the last": (
        record(Kind.RELEASE, debit=3, amount_fen=1, ref=1 << 32 | len(ready().holds)),
        Result.HOLD_UNKNOWN,
    ),
}


@pytest.mark.parametrize(("bad", "why"), FAILS.values(), ids=FAILS)
@pytest.mark.parametrize("length", [1, 2, MAX_CHAIN - 1])
def test_a_chain_of_any_length_that_fails_at_its_end_leaves_nothing(
    bad: Records, why: Result, length: int
) -> None:
    state = ready()
    was = trace(state)
    parts = [pay(0, 3, 901), *[pay(3, 4), pay(4, 0)] * length][:length]
    results, _ = state.apply(np.concatenate([*parts, bad]))
    assert results.tolist() == [why, *[Result.LINKED_FAILED] * length]
    assert trace(state) == was


def test_what_follows_in_a_chain_that_failed_is_not_decided() -> None:
    state = ready()
    was = trace(state)
    bad = transfer(3, NOBODYS, 1, 0, flags=LINKED)
    results, _ = state.apply(np.concatenate([pay(3, 0, 901), bad, transfer(4, 0, 1, 0)]))
    assert results.tolist() == [Result.CREDIT_UNKNOWN, *[Result.LINKED_FAILED] * 2]
    assert trace(state) == was


def test_with_no_hold_open_a_failed_chain_leaves_every_place_free() -> None:
    state = State.empty()
    state.apply(setup())
    was = trace(state)
    state.apply(np.concatenate([pay(3, 0, 901), WRONG["a delivery"]]))
    assert trace(state) == was


@pytest.mark.parametrize("length", [1, 3])
def test_a_chain_that_its_batch_does_not_end_is_malformed(length: int) -> None:
    state = ready()
    was = trace(state)
    parts = [transfer(4, 0, 1, 902), pay(3, 0, 901), *[pay(3, 0)] * (length - 1)]
    results, details = state.apply(np.concatenate(parts))
    failed = [Result.MALFORMED, *[Result.LINKED_FAILED] * (length - 1)]
    assert not details.any()
    assert results.tolist() == [Result.ACCEPTED, *failed]
    assert state.accounts[3]["available_fen"] == 300
    assert trace(state)[1:] == was[1:]


def first_place(state: State) -> int:
    """Where the one hold lies."""
    return int(np.flatnonzero(state.holds["open"])[0])


def test_the_largest_deposit_is_one_chain() -> None:
    # What it is worth comes from one account, and what was spent twice from a bank's each.
    assert MAX_CHAINS + 1 == MAX_CHAIN
    payers, payee = range(1, MAX_CHAIN + 1), MAX_CHAIN + 1
    state = State.empty()
    state.apply(np.concatenate([opening(n, flags=AccountFlag.MAY_GO_NEGATIVE) for n in payers]))
    state.apply(opening(payee))
    whole = np.concatenate([transfer(n, payee, 1, 0, flags=RecordFlag.LINKED) for n in payers])
    whole["sequence"][0], whole["flags"][-1] = 1, 0
    results, _ = state.apply(whole)
    assert not results.any()
    assert state.accounts[payee]["available_fen"] == MAX_CHAIN


def moved(state: State, records: Records) -> list[int]:
    """The results of some records, applied."""
    return [int(result) for result in state.apply(records)[0]]


def topped_up(last: int, *, fen: int = 150) -> Records:
    """Account 3 pays 1 more than it has, and gets some from 0 in the same chain."""
    return np.concatenate(
        [
            transfer(3, 1, 400, 9_000, flags=LINKED | last),
            transfer(0, 3, fen, 0, flags=LINKED | RecordFlag.NO_LIMIT),
            transfer(4, 0, fen, 0, flags=RecordFlag.NO_LIMIT),
        ]
    )


def test_a_head_that_is_decided_last_spends_what_the_others_bring() -> None:
    state, early = ready(), ready()
    assert moved(state, topped_up(RecordFlag.DECIDED_LAST)) == [Result.ACCEPTED] * 3
    assert int(state.accounts[3]["available_fen"]) == 300 + 150 - 400
    failed = [Result.INSUFFICIENT_FUNDS, *[Result.LINKED_FAILED] * 2]
    assert moved(early, topped_up(0)) == failed


@pytest.mark.parametrize("fen", [99, 301])
def test_a_head_that_is_decided_last_takes_the_others_back(fen: int) -> None:
    """99 are too few for the head; of 301 the last record cannot pay its part."""
    state = ready()
    was = trace(state)
    failed = [Result.INSUFFICIENT_FUNDS, *[Result.LINKED_FAILED] * 2]
    assert moved(state, topped_up(RecordFlag.DECIDED_LAST, fen=fen)) == failed
    assert trace(state) == was
    again = moved(state, topped_up(RecordFlag.DECIDED_LAST, fen=fen))
    assert again == [Result.REPEATED, *[Result.LINKED_FAILED] * 2]


@pytest.mark.parametrize("seed", [3, 4])
def test_decided_last_is_the_same_chain_with_its_head_at_the_end(seed: int) -> None:
    rng = np.random.default_rng(seed)
    last, turned = State.empty(), State.empty()
    last.apply(setup())
    turned.apply(setup())
    ends = {True: 0, False: 0}
    for sequence in range(ACCOUNTS, ACCOUNTS + 400):
        records = chain(rng, last, sequence)
        at_the_end = np.roll(records, -1)
        at_the_end["sequence"] = 0
        at_the_end["sequence"][0] = sequence
        at_the_end["flags"] |= np.uint8(LINKED)
        at_the_end["flags"][-1] &= ~np.uint8(LINKED)
        records["flags"][0] |= np.uint8(RecordFlag.DECIDED_LAST)
        results, details = last.apply(records)
        others, of_others = turned.apply(at_the_end)
        assert results[0] == others[0]
        assert sorted(details.tolist()) == sorted(of_others.tolist())
        assert trace(last) == trace(turned)
        ends[bool(results[0] == Result.ACCEPTED)] += 1
    assert min(ends.values()) > 30


def test_the_flag_means_nothing_elsewhere() -> None:
    state, plain = ready(), ready()
    alone = transfer(3, 1, 7, 9_001, flags=RecordFlag.DECIDED_LAST)
    within = np.concatenate([transfer(3, 1, 7, 9_002, flags=LINKED), transfer(1, 3, 7, 0)])
    for one in (state, plain):
        within["flags"][1] = RecordFlag.DECIDED_LAST if one is state else 0
        alone["flags"] = RecordFlag.DECIDED_LAST if one is state else 0
        assert moved(one, alone) + moved(one, within) == [Result.ACCEPTED] * 3
    assert trace(state) == trace(plain)
