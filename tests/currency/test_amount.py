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
    ("text", "fen"),
    [
        ("1,000.00", 100_000),
        ("1,234,567", 123_456_700),
        ("¥12.50", 1250),
        ("￥12.50", 1250),
        ("¥ 12.50", 1250),
        ("12.5元", 1250),
        ("12.5 元", 1250),
        ("12.50 yuan", 1250),
        ("CNY 12.50", 1250),
        ("１２．５", 1250),
        ("１２.５", 1250),
        ("１，０００．００", 100_000),
        (" 12 ", 1200),
    ],
)
def test_what_people_write_is_understood_where_it_means_one_amount(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("12,50", "may mean two amounts"),
        ("12,5", "may mean two amounts"),
        ("1.000,00", "may mean two amounts"),
        ("1.234", "more than two decimals"),
        ("100000000000.01", "too large"),
        ("999,999,999,999", "too large"),
        ("9" * 40, "too large"),
        ("9" * 5_000, "too long"),
        ("0.00", "more than zero"),
        ("-1", "no sign"),
    ],
)
def test_what_is_wrong_with_an_amount_is_said(text: str, said: str) -> None:
    with pytest.raises(AmountError, match=said) as caught:
        parse_yuan(text)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", ".", ".5", "5.", "1.2.3", "0", "00", "012", "元", "¥"],
        *["+1", "1e3", "1_000", "0x10", "inf", "nan", "1 000", "1.5\n1", "$1", "1€"],
        *["10,00,000", "1,0000", "0,100", ",100", "1,000,", "1000,000", "1.0,000"],
        *["1.0٣", "٣", "一", "1。5"],
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(AmountError):
        parse_yuan(text)


@given(st.text(alphabet="0123456789.-+e_, ０１¥元", max_size=16))
def test_what_is_accepted_is_what_is_printed_for_it_but_for_marks(text: str) -> None:
    try:
        fen = parse_yuan(text)
    except AmountError:
        return
    assert 1 <= fen <= MAX_AMOUNT_FEN
    plain = text.translate(str.maketrans("０１", "01", " ,¥元"))
    yuan, _, decimals = plain.partition(".")
    assert format_yuan(fen).replace(",", "") == f"{int(yuan)}.{decimals:0<2}"


@given(AMOUNTS)
def test_what_is_printed_can_be_typed(fen: int) -> None:
    assert parse_yuan(format_yuan(fen)) == fen


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
