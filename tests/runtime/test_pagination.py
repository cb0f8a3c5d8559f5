"""Page tokens: ours come back as they were, others are refused."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import Refusal
from runtime.pagination import (
    DEFAULT_PAGE,
    MAX_PAGE,
    decode_token,
    encode_token,
    page_of,
    page_size,
)
from tests.refusals import refused

NUMBERS = st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1, max_size=4)


@given(NUMBERS)
def test_a_token_comes_back_as_it_was(numbers: list[int]) -> None:
    token = encode_token(*numbers)
    assert decode_token(token, len(numbers)) == tuple(numbers)
    assert set(token) <= set(string.ascii_letters + string.digits + "-_=")


@given(NUMBERS, st.integers(1, 4))
def test_a_token_of_another_list_is_refused(numbers: list[int], count: int) -> None:
    if count != len(numbers):
        assert refused(decode_token, encode_token(*numbers), count) == (
            "PAGE_TOKEN_INVALID",
            "page_token",
        )


@given(st.one_of(st.text(min_size=1, max_size=40), st.binary(min_size=1).map(base64.b64encode)))
def test_whatever_is_sent_is_a_token_or_refused(token: str | bytes) -> None:
    text = token if isinstance(token, str) else token.decode()
    try:
        numbers = decode_token(text, 2)
    except Refusal as refusal:
        assert refusal.name == "PAGE_TOKEN_INVALID"
    else:
        assert numbers is not None and len(numbers) == 2


def test_no_token_is_the_first_page() -> None:
    assert decode_token("", 2) is None


def test_a_page_has_a_usual_and_a_largest_size() -> None:
    assert page_size(0) == DEFAULT_PAGE
    assert page_size(1) == 1
    assert page_size(MAX_PAGE) == MAX_PAGE
    for wanted in (-1, MAX_PAGE + 1):
        with pytest.raises(Refusal, match="page_size"):
            page_size(wanted)


@pytest.mark.parametrize(("count", "token"), [(0, ""), (2, ""), (3, ""), (4, encode_token(2, 20))])
def test_a_page_has_a_next_one_if_there_is_more(count: int, token: str) -> None:
    found = list(range(count))
    assert page_of(found, 3, lambda item: [item, 10 * item]) == (found[:3], token)
