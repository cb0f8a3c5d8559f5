"""Merchant codes of strangers: whatever stands in one, it is read in one way or refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from currency.amount import MAX_AMOUNT_FEN
from currency.number import make
from tests.wallet.merchant_codes import CODE, NUMBER, changed, checked, with_account
from wallet.qr import schemes
from wallet.qr.data_objects import compose, parse
from wallet.qr.errors import (
    CodeError,
    CodeNotSupported,
    NotACode,
    OtherCurrency,
    OtherScheme,
)
from wallet.qr.payment_code import asked_by, fields_of, read


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (changed(f26="", f27=compose({"00": "org.dcep.wallet2", "01": NUMBER})), "wallet2"),
        # A Cyrillic letter.
        (changed(f26=compose({"00": "оrg.dcep.wallet", "01": NUMBER})), "оrg"),
        (changed(f26=compose({"00": "a\x1b[2J", "01": NUMBER})), r"a\u001b[2J"),
        (changed(f26="what is no template"), "does not name"),
        (changed(f26="", f06="1"), "does not name"),
    ],
)
def test_what_only_looks_like_our_account_is_none(text: str, names: str) -> None:
    with pytest.raises(OtherScheme) as told:
        read(text)
    assert names in str(told.value)
    assert str(told.value).isprintable()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (changed(f26=""), CodeError),
        (changed(f27=compose({"00": schemes.GUID, "01": make("6201", 2)})), CodeError),
        (with_account(f01=NUMBER[:-1]), CodeError),
        (with_account(f01=NUMBER[:-1] + "x"), CodeError),
        (with_account(f01=""), CodeError),
        (with_account(f02="20270115"), CodeError),
        (with_account(f02="20270230T080000Z"), CodeError),
        (with_account(f02="2027٠115T080000Z"), CodeError),
        (with_account(f03="1"), CodeError),
        (with_account(f03=""), CodeError),
        (changed(f01="11"), CodeError),
        (changed(f01=""), CodeError),
        (with_account(f04="1"), CodeNotSupported),
        (with_account(f49="1"), CodeNotSupported),
        (changed(f53=""), CodeError),
        (changed(f53="1５6"), CodeError),
        (changed(f53="840"), OtherCurrency),
        (changed(f53="999"), OtherCurrency),
        (changed(f55="01"), CodeNotSupported),
        (changed(f55="02", f56="1.00"), CodeNotSupported),
        (changed(f57="05.00"), CodeNotSupported),
        (changed(f52=""), CodeError),
        (changed(f52="41"), CodeError),
        (changed(f58="cn"), CodeError),
        (changed(f59=""), CodeError),
        (changed(f59="最佳运输"), CodeError),
        (changed(f60=""), CodeError),
        (changed(f01="13"), CodeError),
        (changed(f62="05"), CodeError),
        (changed(f62=compose({"05": "A\x07"})), CodeError),
        (changed(f64=compose({"00": "ZH"})), CodeError),
        (changed(f64=compose({"01": "最佳"})), CodeError),
        (changed(f64=compose({"00": "ZH", "01": "a\x1b]0;b"})), CodeError),
    ],
)
def test_what_a_code_of_ours_may_not_say_is_refused(text: str, error: type[CodeError]) -> None:
    with pytest.raises(CodeError) as told:
        read(text)
    assert type(told.value) is error
    assert str(told.value).isprintable()


@pytest.mark.parametrize(("said", "fen"), [("98.", 9_800), ("98", 9_800), ("98.7", 9_870)])
def test_amounts_may_be_written_as_the_specification_has_them(said: str, fen: int) -> None:
    assert read(changed(f54=said)).amount_fen == fen


@pytest.mark.parametrize(
    "said",
    [
        "0",
        "0.00",
        "1e5",
        "٣",
        "９",
        "98.733",
        "98,73",
        "3 705",
        "-1",
        "+1",
        ".5",
        "098",
        "",
        "1.2.3",
    ]
    + ["9" * 14, "NaN", "0x1", "1_0", "\n1", "1\n"],
)
def test_no_other_form_of_an_amount_is_guessed_at(said: str) -> None:
    if not said:
        assert read(changed(f54=said)).amount_fen is None
        return
    with pytest.raises(CodeError, match="the amount in a code may not be like this"):
        read(changed(f54=said))


def test_a_code_read_wrongly_is_damaged_wherever_that_is() -> None:
    text = CODE.text()
    for at in range(6, len(text)):
        wrong = text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]
        with pytest.raises(CodeError) as told:
            fields_of(wrong)
        assert not told.value.refused
    for end in range(6, len(text)):
        with pytest.raises(CodeError):
            fields_of(text[:end])


@pytest.mark.parametrize("more", [" ", "x", "6304FFFF", "5901x", "\n", "\x00"])
def test_nothing_stands_behind_the_check_digits(more: str) -> None:
    with pytest.raises(CodeError):
        read(CODE.text() + more)


@pytest.mark.parametrize(
    "body",
    [
        "5901A5901B",
        "5900",
        "59",
        "590",
        "5999A",
        "0002019",
        "５９01A",
        "59０1A",
        "590 A",
        "63041234",
        "0" * 400,
        "A" * 512,
    ],
)
def test_fields_that_are_none_are_found_behind_right_check_digits(body: str) -> None:
    with pytest.raises(CodeError):
        fields_of(checked(f"000201{body}"))


def test_a_text_of_another_kind_is_no_code() -> None:
    for text in ("", "hello", "DCEPR1AAAA", "0002", "00020", CODE.text() * 4, "０００２０１"):
        with pytest.raises(NotACode):
            fields_of(text)


TEXTS = (
    st.text(max_size=600)
    | st.text("0123456789", max_size=80).map(lambda body: checked(f"000201{body}"))
    | st.lists(
        st.tuples(st.from_regex("[0-9]{2}", fullmatch=True), st.text(min_size=1, max_size=60)),
        max_size=8,
    ).map(lambda fields: checked("000201" + "".join(f"{at}{len(v):02d}{v}" for at, v in fields)))
)


@given(TEXTS)
@example("000201\ud800")
@example("000201\ud8006304FFFF")
def test_any_text_is_a_code_or_gets_a_reason_that_can_be_printed(text: str) -> None:
    try:
        read(text)
    except CodeError as no:
        assert no.reason and no.following
        assert str(no).isprintable()


@given(
    st.dictionaries(
        st.sampled_from(sorted({*parse(CODE.text()), "02", "55", "61", "65", "80"} - {"00", "63"})),
        st.text(max_size=30) | st.from_regex("[0-9.]{0,15}", fullmatch=True),
        max_size=3,
    ),
    st.dictionaries(st.sampled_from(["00", "01", "02", "03", "50"]), st.text(max_size=20)),
)
def test_a_code_with_any_fields_asks_for_what_can_be_made_again(
    fields: dict[str, str], account: dict[str, str]
) -> None:
    objects = {**parse(CODE.text()), **fields}
    if account:
        objects["26"] = compose({"00": schemes.GUID, "01": NUMBER, **account})
    try:
        code = asked_by({field: value for field, value in objects.items() if value})
    except CodeError as no:
        assert str(no).isprintable()
        return
    assert code.amount_fen is None or 0 < code.amount_fen <= MAX_AMOUNT_FEN
    assert f"{code.name}{code.city}{code.reference}".isascii()
    assert read(code.text()) == code
