"""A sequence counts once: the window below the highest remembers exactly which were seen."""

from __future__ import annotations

import numpy as np
import pytest

from settlement.limits import SEQUENCE_WINDOW
from settlement.records import RecordFlag, Result
from settlement.state import State
from tests.settlement.books import ALICE, BOB, opening, transfer

SEED = 20_261_126


def answers(*sequences: int, state: State | None = None, flags: int = 0) -> list[Result]:
    """What payments of Alice's with these sequences are answered, all in one batch."""
    if state is None:
        state = State.empty()
        state.apply(np.concatenate([opening(ALICE, flags=8), opening(BOB)]))
    batch = np.concatenate([transfer(ALICE, BOB, 1, one, flags=flags) for one in sequences])
    return [Result(int(result)) for result in state.apply(batch)[0]]


@pytest.mark.parametrize(
    "sequences", [(5, 7, 5), (5, 3, 3), (5, 3, 5), (64, 1, 1), (1, 64, 1), (1, 2, 66, 66)]
)
def test_what_was_seen_is_remembered_while_it_is_in_the_window(sequences: tuple[int, ...]) -> None:
    assert answers(*sequences) == [Result.ACCEPTED] * (len(sequences) - 1) + [Result.REPEATED]


def test_nothing_is_taken_for_seen_that_was_not() -> None:
    whole = [64, *range(1, 64), 65, 129, *range(66, 129)]
    assert answers(*whole) == [Result.ACCEPTED] * len(whole)


def test_sequences_in_any_order_are_answered_as_a_set_would() -> None:
    rng = np.random.default_rng(SEED)
    drawn = np.abs(np.cumsum(rng.integers(-40, 44, 2_000))) + 1
    seen: set[int] = set()
    expected = []
    for one in drawn.tolist():
        if one in seen and one > max(seen) - SEQUENCE_WINDOW:
            expected.append(Result.REPEATED)
        elif one <= max(seen, default=0) - SEQUENCE_WINDOW:
            expected.append(Result.SEQUENCE_STALE)
        else:
            expected.append(Result.ACCEPTED)
            seen.add(one)
    assert answers(*drawn.tolist()) == expected
    assert len(set(expected)) == 3, "or this would test less than it says"


def test_a_sequence_known_to_be_new_counts_though_it_is_older_than_the_window() -> None:
    state = State.empty()
    state.apply(np.concatenate([opening(ALICE, flags=8), opening(BOB)]))
    answers(100, state=state)
    before = state.accounts[ALICE]["seen"]
    known = answers(1, 36, state=state, flags=RecordFlag.KNOWN_NEW)
    assert known == [Result.ACCEPTED] * 2
    assert state.accounts[ALICE]["seen"] == before


@pytest.mark.parametrize("chained", [False, True])
def test_the_rule_stops_before_one_that_it_is_too_late_for_if_it_is_asked_to(chained: bool) -> None:
    state = State.empty()
    state.apply(np.concatenate([opening(ALICE, flags=8), opening(BOB)]))
    old = transfer(ALICE, BOB, 1, 36, flags=RecordFlag.LINKED if chained else 0)
    second = [transfer(BOB, ALICE, 1, 0)] if chained else []
    batch = np.concatenate([transfer(ALICE, BOB, 1, 100), old, *second, transfer(BOB, ALICE, 1, 1)])
    results, details = state.begin(batch)
    assert state.decide(batch, results, details, 0, halt=True) == 1
    assert not results.any()
    assert int(state.accounts[BOB]["available_fen"]) == 1, "what comes after it is not decided"
    assert state.decide(batch, results, details, 1, halt=False) == len(batch)
    failed = [Result.LINKED_FAILED] if chained else []
    assert results.tolist() == [Result.ACCEPTED, Result.SEQUENCE_STALE, *failed, Result.ACCEPTED]
    malformed = transfer(ALICE, BOB, 1, 0)
    results, details = state.begin(malformed)
    assert state.decide(malformed, results, details, 0, halt=True) == 1
    assert results[0] == Result.MALFORMED, "for nothing else it stops"
