"""Refusals in the language of their readers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import language
from currency.reasons import SENTENCES, detail, in_words
from dcep.errors.v1 import errors_pb2


@pytest.fixture
def chinese() -> Iterator[None]:
    assert language.choose({"LANG": "zh_CN.UTF-8"})
    yield
    language.choose({})


def test_each_reason_of_the_contract_has_a_sentence() -> None:
    names = {name.removeprefix("REASON_") for name in errors_pb2.Reason.DESCRIPTOR.values_by_name}
    assert set(SENTENCES) == names


def test_english_readers_are_told_what_whoever_refused_says() -> None:
    assert in_words("WALLET_FROZEN", "frozen by order", {}) == "frozen by order"


def test_english_readers_are_told_figures_in_yuan_whatever_a_peer_counts_in() -> None:
    short = ("VAULT_SHORT", "the vault is 500 fen short", {"missing_fen": "500"})
    assert in_words(*short) == "The bank's vault does not hold enough. (5.00 yuan are missing)"
    assert detail(*short) == "5.00 yuan are missing"


def test_nobody_is_shown_the_expression_that_a_field_has_to_fit() -> None:
    said = in_words("FIELD_INVALID", r"phone is not 'abc'; it looks like \\+?[0-9]+", {})
    assert said == "phone is not 'abc'"


@pytest.mark.usefixtures("chinese")
def test_others_are_told_what_the_reason_means_with_its_figures() -> None:
    for reason, sentence in SENTENCES.items():
        said = in_words(reason, "", {})
        assert said and said != sentence and said[0] >= "\u4e00", reason
    said = in_words("RESERVES_SHORT", "the reserves lack 1,234.00 yuan", {"missing_fen": "123400"})
    assert said == "该行的准备金不足。（缺 1,234.00 元）"
    said = in_words("WALLET_FROZEN", "the wallet is frozen", {})
    assert said == "银行已冻结这个钱包。"


@pytest.mark.usefixtures("chinese")
def test_what_only_the_sentence_says_is_shown_as_it_is() -> None:
    said = in_words("FIELD_INVALID", "has at most 140 characters", {}, "memo")
    assert "memo" in said and "has at most 140 characters" in said
    assert "no such thing" in in_words("OF_A_LATER_VERSION", "no such thing", {})


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("figure", ["", "-5", "1e3", "x", "²", "0"])
def test_figures_that_are_none_are_not_shown(figure: str) -> None:
    assert detail("VAULT_SHORT", "plain", {"missing_fen": figure}) == ""
