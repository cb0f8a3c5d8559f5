"""Wallet numbers: the check digit catches what people mistype."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from currency import number
from currency.number import NumberError

NUMBERS = st.builds(
    number.make,
    st.integers(0, 9_999).map("{:04d}".format),
    st.integers(0, 10**number.SERIAL_DIGITS - 1),
)


@given(NUMBERS)
def test_a_number_that_is_made_is_accepted(made: str) -> None:
    assert number.check(made) == made
    assert len(made) == number.NUMBER_DIGITS


def test_the_check_digit_is_that_of_iso_7812() -> None:
    # A public example of ISO/IEC 7812-1 numbers with 16 digits.
    assert number.make("4539", 57876362148) == "4539578763621486"


@given(NUMBERS)
def test_every_single_mistyped_digit_is_caught(made: str) -> None:
    for place, right in enumerate(made):
        for wrong in set("0123456789") - {right}:
            with pytest.raises(NumberError):
                number.check(made[:place] + wrong + made[place + 1 :])


@given(NUMBERS)
def test_every_swap_of_neighbours_but_09_and_90_is_caught(made: str) -> None:
    for place in range(len(made) - 1):
        pair = made[place : place + 2]
        if pair[0] == pair[1]:
            continue
        typed = made[:place] + pair[::-1] + made[place + 2 :]
        if set(pair) == {"0", "9"}:
            assert number.check(typed) == typed
        else:
            with pytest.raises(NumberError):
                number.check(typed)


@pytest.mark.parametrize(
    "text",
    ["", "4539578763621", "45395787636214860", " 4539578763621486", "4539 5787 6362 1486"]
    + ["453957876362148x", "４539578763621486", "453957876362148²", "4539578763621486\n"],
)
def test_other_lengths_and_other_characters_are_refused(text: str) -> None:
    with pytest.raises(NumberError):
        number.check(text)


@pytest.mark.parametrize(
    ("prefix", "serial"),
    [("123", 0), ("12345", 0), ("12a4", 0), ("１234", 0), ("1234", -1), ("1234", 10**11)],
)
def test_a_prefix_or_serial_that_does_not_fit_makes_no_number(prefix: str, serial: int) -> None:
    with pytest.raises(NumberError):
        number.make(prefix, serial)


def test_the_prefix_names_the_bank() -> None:
    assert number.prefix_of(number.make("6217", 42)) == "6217"


@pytest.mark.parametrize(
    "text",
    [
        "4539578763621486",
        "4539 5787 6362 1486",
        " 4539-5787-6362-1486 ",
        "４５３９ ５７８７ ６３６２ １４８６",
    ],
)
def test_a_number_may_be_typed_in_groups(text: str) -> None:
    assert number.typed(text) == "4539578763621486"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4539 5787 6362 148", "16 digits, not 15"),
        ("4539 5787 6362 1487", "mistyped"),
        ("4539 5787 6362 148x", "has 16 digits"),
        ("", "has 16 digits"),
        ("4" * 5_000, "has 16 digits$"),
    ],
)
def test_what_is_wrong_with_a_typed_number_is_said(text: str, said: str) -> None:
    with pytest.raises(NumberError, match=said):
        number.typed(text)
