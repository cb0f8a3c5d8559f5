"""Amounts: what a person may type, and what a program prints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from currency.amount import MAX_AMOUNT_FEN, AmountError, format_yuan, parse_yuan

AMOUNTS = st.integers(1, MAX_AMOUNT_FEN)


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("12.50", 1250),
        ("12.5", 1250),
        ("12", 1200),
        ("0.01", 1),
        ("0.1", 10),
        ("100000000000", MAX_AMOUNT_FEN),
        ("100000000000.00", MAX_AMOUNT_FEN),
    ],
)
def test_an_amount_in_yuan_becomes_fen(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", ".", ".5", "5.", "1.234", "1.2.3", "0", "0.00", "00", "012"],
        *["-1", "+1", "1e3", "1_000", "1,000", "0x10", "inf", "nan", "¥1", "1元"],
        *[" 1", "1 ", "1\n", "1.5\n", "\u00a01"],
        *["１２", "1２", "１.５", "1.５", "1.0٣", "٣", "一", "1．5", "²"],
        *["100000000000.01", "999999999999", "1000000000000", "9" * 5_000],
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(AmountError):
        parse_yuan(text)


@given(st.text(alphabet="0123456789.-+e_, ０１", max_size=16))
def test_what_is_accepted_is_digits_with_at_most_two_decimals(text: str) -> None:
    try:
        fen = parse_yuan(text)
    except AmountError:
        return
    assert 1 <= fen <= MAX_AMOUNT_FEN
    assert set(text) <= set("0123456789.")
    assert len(text.partition(".")[2]) <= 2


@given(AMOUNTS)
def test_what_is_printed_can_be_typed_without_its_thousands_marks(fen: int) -> None:
    assert parse_yuan(format_yuan(fen).replace(",", "")) == fen


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "0.00"),
        (1, "0.01"),
        (-1, "-0.01"),
        (123456, "1,234.56"),
        (-123456, "-1,234.56"),
        (100_000_000, "1,000,000.00"),
    ],
)
def test_fen_print_as_yuan(fen: int, text: str) -> None:
    assert format_yuan(fen) == text
