"""A shop's code for tests, and the same with other fields."""

from __future__ import annotations

import binascii

from currency.number import make
from wallet.qr import merchant_presented, schemes
from wallet.qr.data_objects import compose, parse
from wallet.qr.payment_code import LocalName, PaymentCode

NUMBER = make("6201", 1)
CODE = PaymentCode(
    number=NUMBER,
    name="BEST TRANSPORT",
    city="BEIJING",
    local=LocalName("最佳运输", "北京"),
    amount_fen=2_372,
    reference="A-17",
    request_id="0123456789abcdef" * 2,
    ends_time_ms=1_800_000_000_000,
)


def changed(**fields: str) -> str:
    """The text of `CODE` with other fields, check digits and all; "" leaves one out."""
    objects = parse(CODE.text())
    objects |= {name.removeprefix("f"): value for name, value in fields.items()}
    kept = {field: value for field, value in objects.items() if field not in ("00", "63")}
    return merchant_presented.write(kept)


def with_account(**fields: str) -> str:
    account = {"00": schemes.GUID, "01": NUMBER, "02": "", "03": CODE.request_id}
    return changed(f26=compose(account | {name[1:]: value for name, value in fields.items()}))


def checked(body: str) -> str:
    """A text and the check digits that belong to it, whatever it is."""
    before = f"{body}6304"
    return before + f"{binascii.crc_hqx(before.encode(), 0xFFFF):04X}"
