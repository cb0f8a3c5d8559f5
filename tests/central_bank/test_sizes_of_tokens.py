"""A load is divided into useful sizes, the same for everybody, and what that does to cheats."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central_bank.limits import (
    MAX_LOSS_PER_LOAD,
    MAX_OFFLINE_HOLDING_FEN,
    MAX_OFFLINE_PAYMENT_FEN,
    MAX_TOKEN_FEN,
)
from central_bank.registration.offline.sizes import WHOLE_BELOW_FEN, sizes
from offline_token.formats import Chain, Token
from offline_token.limits import MAX_CHAINS
from tests.offline.centre import Centre

ROUND = {digit * 10**power for power in range(2, 8) for digit in (1, 2, 5)}


@given(st.integers(1, MAX_CHAINS * MAX_TOKEN_FEN))
def test_sizes_add_up_and_are_few(amount_fen: int) -> None:
    found = sizes(amount_fen)
    assert sum(found) == amount_fen
    assert 1 <= len(found) <= MAX_CHAINS
    assert min(found) >= 1 and max(found) <= MAX_TOKEN_FEN


@pytest.mark.parametrize(
    ("yuan", "expected"),
    [
        (19, [19]),
        (20, [5, 5, 10]),
        (50, [5, 5, 10, 10, 20]),
        (100, [5, 5, 10, 10, 20, 50]),
        (200, [5, 5, 10, 10, 20, 50, 100]),
        (600, [5, 5, 10, 10, 20, 50, 100, 200, 200]),
        (5_000, [5, 5, 10, 10, 20, 50, 100, 100, 200, 500, 2_000, 2_000]),
    ],
)
def test_a_load_is_divided_as_banknotes_are(yuan: int, expected: list[int]) -> None:
    assert sorted(sizes(yuan * 100)) == [100 * each for each in expected]


@given(st.integers(WHOLE_BELOW_FEN, MAX_OFFLINE_HOLDING_FEN))
def test_one_token_alone_may_be_of_an_odd_size(amount_fen: int) -> None:
    """Who is paid with another one does not learn what was loaded."""
    odd = [size for size in sizes(amount_fen) if size not in ROUND]
    assert len(odd) <= 1 and all(size < 2 * 500 for size in odd)


@given(st.integers(WHOLE_BELOW_FEN, MAX_OFFLINE_HOLDING_FEN), st.data())
def test_any_payment_can_be_made_of_a_fresh_load(amount_fen: int, data: st.DataObject) -> None:
    most_fen = min(amount_fen, MAX_OFFLINE_PAYMENT_FEN)
    payment_fen = data.draw(st.integers(1, most_fen))
    chosen: list[int] = []
    for size in sorted(sizes(amount_fen), reverse=True):
        if sum(chosen) < payment_fen:
            chosen.append(size)
    assert sum(chosen) >= payment_fen and len(chosen) <= MAX_CHAINS


def loaded(centre: Centre, fen: int) -> list[Chain]:
    _, encoded = centre.register(centre.alice, fen, next(centre.numbers))
    return sorted((Chain(Token.decode(each)) for each in encoded), key=lambda c: c.token.value_fen)


def test_a_load_is_answered_with_the_same_tokens_again(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    first = centre.register(centre.alice, 6_000, 7)
    assert centre.register(centre.alice, 6_000, 7) == first
    assert sorted(Token.decode(each).value_fen for each in first[1]) == sorted(sizes(6_000))


def test_the_cap_is_one_of_the_load_however_it_is_spent(tmp_path: Path) -> None:
    """A cheat gains nothing by spending one small token alone, and loses nobody the cover."""
    centre = Centre(tmp_path)
    centre.pay_in("alpha", 50_000)
    smallest, *_ = loaded(centre, WHOLE_BELOW_FEN)
    worth_fen = smallest.token.value_fen
    paid = [
        centre.deposit(centre.pay(smallest, centre.alice, centre.bob, worth_fen))
        for _ in range(1 + MAX_LOSS_PER_LOAD * WHOLE_BELOW_FEN // worth_fen + 1)
    ]
    assert paid == [(worth_fen, "")] * (len(paid) - 1) + [(0, "SPENT_TWICE")]


def test_many_tokens_have_no_more_cover_than_their_load(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    centre.pay_in("alpha", 50_000)
    tokens = loaded(centre, WHOLE_BELOW_FEN)
    lost_fen = -WHOLE_BELOW_FEN
    for _ in range(MAX_LOSS_PER_LOAD + 3):
        for token in tokens:
            fen = token.token.value_fen
            lost_fen += centre.deposit(centre.pay(token, centre.alice, centre.bob, fen))[0]
    assert lost_fen == MAX_LOSS_PER_LOAD * WHOLE_BELOW_FEN
