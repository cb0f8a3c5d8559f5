"""Every message has its Chinese sentence, and says the same commands and figures."""

from __future__ import annotations

import re
from string import Formatter
from typing import Any

import pytest

from language import LOCALES
from language.catalogue import extracted, read

pytest.importorskip("babel")
APPS = ("wallet.cli.main:app", "sandbox.cli.main:app")
NAME = re.compile(
    r"`[^`]*`|(?<![\w-])--[a-z][a-z-]*|\b(?:DCEP|WALLET)_[A-Z_]+"
    r"|\[/?(?:bold|dim|red|green|yellow)?(?: \w+)?\]",
    re.ASCII,
)
"""What is typed, and marks for a terminal's colours: the same in every language."""


@pytest.fixture(scope="module")
def wanted() -> list[Any]:
    return [message for message in extracted(APPS) if message.id]


@pytest.fixture(scope="module")
def chinese() -> list[Any]:
    return [message for message in read("zh_CN") if message.id]


def forms(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def gaps(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name is not None}


def test_the_catalogue_has_each_message_and_no_other(wanted: list[Any], chinese: list[Any]) -> None:
    """`make messages` brings it up to date, and says what is still to be translated."""
    assert {message.id for message in wanted} - {message.id for message in chinese} == set()
    assert {message.id for message in chinese} - {message.id for message in wanted} == set()


def test_each_message_is_translated_and_none_by_guess(chinese: list[Any]) -> None:
    assert [message.id for message in chinese if not all(forms(message.string))] == []
    assert [message.id for message in chinese if message.fuzzy] == []


def test_a_translation_has_the_same_gaps(chinese: list[Any]) -> None:
    for message in chinese:
        for said in forms(message.string):
            assert gaps(said) == gaps(forms(message.id)[-1]), message.id


def test_a_translation_names_the_same_commands_and_options(chinese: list[Any]) -> None:
    for message in chinese:
        for said in forms(message.string):
            names = sorted(set(NAME.findall(forms(message.id)[-1])))
            assert sorted(set(NAME.findall(said))) == names, message.id


def test_paragraphs_are_not_broken_in_lines_where_no_space_belongs(chinese: list[Any]) -> None:
    """Typer joins the lines of a help with a space."""
    for message in chinese:
        if "\n\n" in forms(message.id)[0]:
            assert "\n" not in message.string.replace("\n\n", ""), message.id


def test_what_is_compiled_is_what_is_kept(chinese: list[Any]) -> None:
    import gettext

    with (LOCALES / "zh_CN/LC_MESSAGES/dcep.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in chinese:
        one, *many = forms(message.id)
        said = compiled.ngettext(one, many[0], 2) if many else compiled.gettext(one)
        assert said == forms(message.string)[-1], message.id
