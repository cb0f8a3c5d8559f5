"""Aliases are read in one spelling; what looks like another one is the same or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from currency.aliases import AliasError, AliasKind, is_alias, read_alias


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("139 0013 9000", "+8613900139000"),
        ("+86 139-0013-9000", "+8613900139000"),
        ("１３９００１３９０００", "+8613900139000"),
        ("0086 (139) 00139000", "+8613900139000"),
        ("+46 70 123 45 67", "+46701234567"),
        ("@Li.Ming", "@li.ming"),
        ("＠ｌｉ_ming", "@li_ming"),
        ("@李明", "@李明"),
        ("@李明2", "@李明2"),
        ("@Kelvin", "@kelvin"),  # U+212A, the sign of kelvin
    ],
)
def test_an_alias_has_one_spelling(typed: str, shown: str) -> None:
    alias = read_alias(typed)
    assert alias.shown == shown
    assert alias.kind == (AliasKind.NAME if shown.startswith("@") else AliasKind.PHONE)
    assert read_alias(shown) == alias
    assert is_alias(typed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("@paypal", "@paypa1"),
        ("@paypal", "@paypai"),
        ("@google", "@g00gle"),
        ("@modern", "@modem"),
        ("@li.ming", "@liming"),
        ("@li_ming", "@li-ming"),
        ("@wang", "@vvang"),
        ("@ellis5", "@ELLISS"),
    ],
)
def test_what_looks_alike_is_one(one: str, other: str) -> None:
    assert read_alias(one).key == read_alias(other).key


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "@ab",
        "@李",
        "@pаypal",  # a Cyrillic а
        "@ραypal",  # Greek
        "@李ming",  # two scripts
        "@ming李",
        "@1ming",
        "@.ming",
        "@ming.",
        "@li..ming",
        "@li ming",
        "@jörg",
        "@ming\u200b",
        "@ming\u202e",
        "@" + "a" * 21,
        "@13900139000",
        "李明",
        "12345",
        "6201000000000017",  # a wallet's number
        "139x0013y9000",
        "+",
        "@ⅰⅰⅰ\u0301",
    ],
)
def test_what_is_none_is_refused(typed: str) -> None:
    with pytest.raises(AliasError):
        read_alias(typed)


@given(st.text(max_size=40))
def test_whatever_is_typed_is_an_alias_or_a_sentence(typed: str) -> None:
    try:
        alias = read_alias(typed)
    except AliasError as error:
        assert str(error)
        return
    assert read_alias(alias.shown) == alias
    assert 3 <= len(alias.shown) <= 32


def test_a_number_of_a_wallet_is_no_alias() -> None:
    assert not is_alias("6201000000000017")
    assert not is_alias("6201 0000 0000 0017")
