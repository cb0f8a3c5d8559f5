"""A change says exactly what changed between two states of a device, and nothing else."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.secure_element import changes
from wallet.secure_element.state import ElementState, HeldKey, HeldPiece

TEXT = st.text("abc", max_size=3)
PIECES = st.builds(
    HeldPiece, TEXT, st.integers(0, 1), st.integers(1, 9), TEXT, depositing=st.booleans()
)
STATES = st.builds(
    ElementState,
    keys=st.lists(st.builds(HeldKey, TEXT, TEXT, shown=st.booleans()), max_size=4),
    pieces=st.lists(PIECES, max_size=6),
    tokens=st.dictionaries(TEXT, st.integers(0, 9), max_size=6),
    paid=st.dictionaries(TEXT, st.tuples(TEXT, TEXT), max_size=4),
    unconfirmed=st.lists(TEXT, max_size=4),
    clock_ms=st.integers(0, 9),
    bundle=st.binary(max_size=6),
)


@settings(max_examples=300, deadline=None)
@given(STATES, STATES)
def test_a_change_applied_to_the_one_state_gives_the_other_in_the_same_order(
    one: ElementState, other: ElementState
) -> None:
    before, state = changes.noted(one), ElementState.decode(one.encode())
    change = changes.change_since(before, other)
    if change:
        changes.apply(state, change)
    assert state.encode() == other.encode()


@settings(max_examples=150, deadline=None)
@given(STATES, st.data())
def test_rows_that_go_stay_alter_and_come_leave_the_others_unwritten(
    state: ElementState, data: st.DataObject
) -> None:
    state.pieces = list({f"{p.output} {p.chain}": p for p in state.pieces}.values())
    marked = [HeldPiece(f"kept {at}", 0, 1, "x") for at in range(5)]
    state.pieces[2:2] = marked
    before, kept = changes.noted(state), copy.deepcopy(state)
    for piece in data.draw(st.lists(st.sampled_from(state.pieces), unique_by=id, max_size=3)):
        if piece in marked or data.draw(st.booleans()):
            piece.why = "altered"
        else:
            state.pieces.remove(piece)
    state.pieces.append(HeldPiece("new", 0, 7, "x"))
    change = changes.change_since(before, state)
    unwritten = [piece.chain for piece in marked if not piece.why]
    assert not any(chain.encode() in change for chain in unwritten)
    changes.apply(kept, change)
    assert kept == state


def test_what_is_no_change_of_a_state_is_refused() -> None:
    for broken in (
        *(b"x", b"[]", b'{"unheard": 1}', b'{"pieces": [[5], [], []]}', b'{"keys": 3}'),
        *(
            b'{"bundle": 3}',
            b'{"bundle": [1, 0]}\nx',
            b'{"bundle": [0, 1]}',
            b'{"bundle": [-1, 0]}',
        ),
        *(b'{"bundle": [0, -1]}', b'{"bundle": ["", 0]}', b'{"bundle": "x"}'),
    ):
        with pytest.raises(ValueError):
            changes.apply(ElementState(), broken)
