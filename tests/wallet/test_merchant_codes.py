"""Merchant codes: what is made is read, what others made is told apart, nothing else gets in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from currency.amount import MAX_AMOUNT_FEN
from currency.number import make
from tests.wallet.merchant_codes import CODE, NUMBER, changed, checked, with_account
from wallet.qr import merchant_presented, schemes
from wallet.qr.data_objects import compose, parse
from wallet.qr.errors import (
    CodeError,
    CodeExpired,
    CodeNotSupported,
    OtherScheme,
)
from wallet.qr.payment_code import LocalName, PaymentCode, fields_of, read

# EMVCo, Merchant-Presented Mode 1.0, annex B.
ANNEX_B = (
    "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN"
    "5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.72530315655020162330304123"
    "40603***0708A60086670902ME91320016A0112233449988770708123456786304A13A"
)
OF_OTHERS = [
    (ANNEX_B, "D15600000000, D15600000001"),
    (  # mvallim/emv-qrcode, Apache-2.0: DecoderMpmTest
        "00020101021102160004hoge0104abcd520441115303156540523.725502015603500570155802CN5914BEST T"
        "RANSPORT6007BEIJING6107123456762950105123450205678900305098760405543210505abcde0605fghij07"
        "05klmno0805pqres0905tuvxy5010000110101i64280002ZH0102北京0204最佳运输0304abcd650200803200"
        "16A01122334499887707081234567863044220",
        "Visa",
    ),
    (  # phannaly/emv-qr-code, MIT: MerchantPresentedDecoderTest
        "00020101021252044131153137210116372101160123456789ABCDE6010Phnom Penh5913Merchant Shop5802"
        "KH540510.005303840622501081234567802090124444446304A0BA",
        "UnionPay",
    ),
    (  # dongri/emv-qrcode, MIT: its README
        "0002010102121313JCB12345678900416MASTER12345678905204531153033925407999.1235802JP5906DONGRI"
        "6005TOKYO62240104hoge0504fuga0704piyo6304C343",
        "JCB, Mastercard",
    ),
    # The rest are codes as they stand in public places, without names of people.
    (
        "00020101021229370016A0000006770101110113006680111111153037645802TH540520.15630442BE",
        "PromptPay",
    ),
    (
        "00020101021126410014br.gov.bcb.pix0119contato@exemplo.org5204000053039865802BR5920ATELIE A"
        "FRO CULTURAL6009SAO PAULO62070503***6304198D",
        "Pix",
    ),
    (
        "00020101021138570010A00000072701270006970403011200110123456780208QRIBFTTA53037045802VN6304"
        "F4E5",
        "VietQR",
    ),
    (
        "00020101021126500009SG.PAYNOW010100211+65123456780301004082030123152040000530370254071234."
        "565802SG5902ME6009Singapore62290106BILLNO50150004TEST0103ABC6304B301",
        "PayNow",
    ),
    ("https://qr.95516.com/00010000/62028489073949969691921655610979", "UnionPay"),
    ("HTTPS://QR.ALIPAY.COM/FKX08154U5F2H5RLLWGX25", "Alipay"),
    ("wxp://f2f0XO9MxuKhCB52g30uvHa1Pxe4kqoOc9ubMFa82j6b", "WeChat Pay"),
]


def test_a_code_says_what_it_was_made_to_say() -> None:
    text = CODE.text()
    assert text.startswith("000201010212")
    assert re.fullmatch(r".*6304[0-9A-F]{4}", text)
    assert "64200002ZH0104最佳运输0202北京" in text
    assert "540523.72" in text and "5303156" in text and "5802CN" in text
    assert read(text) == CODE
    assert not text.isascii() and replace(CODE, local=None).text().isascii()


def test_without_amount_end_reference_and_chinese_name_it_is_short() -> None:
    code = PaymentCode(number=NUMBER, name="Wang", city="Xi'an")
    assert read(code.text()) == code
    assert set(parse(code.text())) == {"00", "01", "26", "52", "53", "58", "59", "60", "63"}
    assert "010211" in code.text()


@given(
    st.builds(
        PaymentCode,
        number=st.builds(make, st.just("6201"), st.integers(0, 10**11 - 1)),
        name=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=25),
        city=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=15),
        local=st.none()
        | st.builds(
            LocalName,
            st.text("最佳运输 aé😀", min_size=1, max_size=25).filter(str.strip),
            st.just("") | st.text("北京x", min_size=1, max_size=15),
        ),
        amount_fen=st.none() | st.integers(1, 10**12 - 1),
        reference=st.just("") | st.text("A-17/* ", min_size=1, max_size=25).filter(str.strip),
        request_id=st.just("") | st.uuids().map(lambda one: one.hex),
        ends_time_ms=st.none() | st.integers(0, 4 * 10**9).map(lambda second: second * 1_000),
    )
)
def test_whatever_is_made_is_read_and_fits_a_code(code: PaymentCode) -> None:
    text = code.text()
    assert read(text) == code
    assert len(text) <= 512


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": NUMBER[:-1] + str((int(NUMBER[-1]) + 1) % 10)},
        {"number": ""},
        {"number": NUMBER.translate({ord("6"): "６"})},
        {"name": ""},
        {"name": "  "},
        {"name": "B" * 26},
        {"name": "最佳运输"},
        {"name": "BEST\x1b[2J"},
        {"city": "B" * 16},
        {"city": ""},
        {"local": LocalName("")},
        {"local": LocalName("最" * 26)},
        {"local": LocalName("最" * 99)},
        {"local": LocalName("最\u202e佳")},
        {"local": LocalName("最佳", "北" * 16)},
        {"local": LocalName("最佳", language="中文")},
        {"reference": "B" * 26},
        {"reference": "午饭"},
        {"amount_fen": 0},
        {"amount_fen": -1},
        {"amount_fen": 10**12},
        {"amount_fen": MAX_AMOUNT_FEN},
        {"ends_time_ms": 1_500},
        {"request_id": "7"},
        {"request_id": CODE.request_id.upper()},
    ],
)
def test_what_may_not_stand_in_a_code_is_not_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(CodeError):
        replace(CODE, **wrong).text()


@pytest.mark.parametrize(("text", "scheme"), OF_OTHERS, ids=lambda value: value[:30])
def test_codes_of_others_are_whole_and_told_apart(text: str, scheme: str) -> None:
    with pytest.raises(OtherScheme) as told:
        read(text)
    names = ", ".join(f"“{name}”" for name in scheme.split(", "))
    assert str(told.value) == f"this is a code of another payment scheme: {names}"


def test_the_example_of_the_specification_is_read_as_it_is_meant() -> None:
    objects = fields_of(ANNEX_B)
    assert (
        merchant_presented.write(
            {field: value for field, value in objects.items() if field not in ("00", "63")}
        )
        == ANNEX_B
    )
    assert (objects["59"], objects["54"], objects["53"]) == ("BEST TRANSPORT", "23.72", "156")
    assert parse(objects["64"]) == {"00": "ZH", "01": "最佳运输", "02": "北京"}
    assert parse(objects["62"])["06"] == "***"


def test_the_next_version_of_the_format_is_told_apart_too() -> None:
    theirs = checked("000202" + compose({"26": compose({"00": "A0000006150001", "01": "x"})}))
    with pytest.raises(OtherScheme, match="DuitNow"):
        read(theirs)
    ours = checked("000202" + CODE.text()[6:-8])
    with pytest.raises(CodeNotSupported, match="this version of the wallet"):
        read(ours)


def test_one_account_of_ours_beside_those_of_others_is_enough() -> None:
    other = compose({"00": "id.co.example", "01": "7"})
    assert read(changed(f02="4111111111111111", f27=other)) == CODE
    assert read(with_account(f00=schemes.GUID.upper())).number == NUMBER


def test_what_is_not_known_and_need_not_be_is_passed_over() -> None:
    assert read(changed(f65="00", f80=compose({"00": "x"}), f61="100000")) == CODE
    assert read(with_account(f50="1")).number == NUMBER
    more = compose({"03": "store", "05": "A-17", "07": "till", "09": "AME"})
    assert read(changed(f62=more)) == CODE


def test_the_number_of_a_bill_stands_in_for_a_reference() -> None:
    assert read(changed(f62=compose({"01": "B-9"}))).reference == "B-9"
    assert read(changed(f62=compose({"01": "B-9", "05": "A-17"}))).reference == "A-17"


def test_a_code_is_paid_until_its_end() -> None:
    assert CODE.ends_time_ms is not None
    CODE.check_time(CODE.ends_time_ms)
    with pytest.raises(CodeExpired):
        CODE.check_time(CODE.ends_time_ms + 1)
    replace(CODE, ends_time_ms=None).check_time(CODE.ends_time_ms)
