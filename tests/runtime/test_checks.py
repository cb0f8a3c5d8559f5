"""Checks of fields: what passes, and that a refusal names the field."""

from typing import Any

import pytest
from nacl.signing import SigningKey

from dcep.errors.v1 import errors_pb2
from runtime import checks
from runtime.errors import Refusal
from runtime.limits import MAX_POSITION
from tests.refusals import refused

UUID = "123e4567-e89b-42d3-a456-426614174000"


@pytest.mark.parametrize("value", ["", b"", []])
def test_what_is_empty_is_missing(value: Any) -> None:
    assert refused(lambda: checks.required(value, "wallet")) == ("FIELD_MISSING", "wallet")


@pytest.mark.parametrize("value", ["a", "é" * 10, "小明", "two words"])
def test_a_printable_text_passes(value: str) -> None:
    assert checks.text(value, "name", longest=10) == value


@pytest.mark.parametrize(
    "value", ["x" * 11, "line\nfeed", "nul\0", "\x1b[31m", "right\u202eleft", "\ud800"]
)
def test_long_and_unprintable_texts_are_refused(value: str) -> None:
    assert refused(lambda: checks.text(value, "name", longest=10)) == ("FIELD_INVALID", "name")


def test_a_text_may_be_optional() -> None:
    assert checks.text("", "memo", longest=10, shortest=0) == ""
    assert refused(lambda: checks.text("", "memo", longest=10)) == ("FIELD_MISSING", "memo")


@pytest.mark.parametrize("length", [1, 31, 33])
def test_bytes_have_one_length(length: int) -> None:
    assert checks.exact_bytes(b"k" * 32, "key", 32) == b"k" * 32
    assert refused(lambda: checks.exact_bytes(b"k" * length, "key", 32)) == ("FIELD_INVALID", "key")


def test_a_key_is_one_that_a_secret_can_belong_to() -> None:
    key = bytes(SigningKey(b"k" * 32).verify_key)
    assert checks.public_key(key, "key") == key
    assert refused(lambda: checks.public_key(b"", "key")) == ("FIELD_MISSING", "key")
    wrong = [key[:-1], bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"]
    for value in wrong:
        assert refused(lambda v=value: checks.public_key(v, "key")) == ("FIELD_INVALID", "key")


def test_a_position_is_one_that_a_journal_can_reach() -> None:
    assert checks.journal_position(MAX_POSITION) == MAX_POSITION
    for value in (-1, MAX_POSITION + 1):
        assert refused(lambda v=value: checks.journal_position(v)) == (
            "FIELD_INVALID", "after_position",
        )  # fmt: skip


def test_a_request_id_is_the_same_in_both_cases() -> None:
    assert checks.request_id(UUID.upper()) == UUID


@pytest.mark.parametrize(
    "value",
    ["1", UUID[:-1], UUID.replace("-", ""), "{" + UUID + "}", "urn:uuid:" + UUID]
    + [UUID.replace("1", "１"), UUID + "\n"],
)
def test_other_forms_of_a_request_id_are_refused(value: str) -> None:
    assert refused(lambda: checks.request_id(value)) == ("FIELD_INVALID", "request_id")


def test_an_amount_has_both_bounds() -> None:
    assert checks.amount(1) == 1
    assert checks.amount(10**13) == 10**13
    for value in (0, -1, 10**13 + 1):
        assert refused(lambda v=value: checks.amount(v)) == ("AMOUNT_INVALID", "amount_fen")


def test_a_list_is_neither_empty_nor_too_long() -> None:
    checks.at_most([1, 2], "items", 2)
    assert refused(lambda: checks.at_most([], "items", 2)) == ("FIELD_MISSING", "items")
    with pytest.raises(Refusal) as caught:
        checks.at_most([1, 2, 3], "items", 2)
    assert caught.value.reason == errors_pb2.REASON_TOO_MANY_ITEMS
    assert caught.value.metadata == {"most": "2"}


def test_a_refusal_within_a_list_says_where() -> None:
    refusal = checks.of_item(
        "items[3]", Refusal(errors_pb2.REASON_AMOUNT_INVALID, "fen is 1", field="fen", most="7")
    )
    assert (refusal.name, refusal.field) == ("AMOUNT_INVALID", "items[3].fen")
    assert (refusal.message, refusal.metadata) == ("items[3].fen is 1", {"most": "7"})
