"""The frame of a merchant-presented code: what comes first and last, and that nothing was misread.

Source: EMV QR Code Specification for Payment Systems, Merchant-Presented Mode 1.0, sections 4.6 and
4.7. What the fields between say is for `wallet.qr.payment_code`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping

from language import _
from wallet.limits import MAX_CODE_CHARACTERS
from wallet.qr.data_objects import compose, parse
from wallet.qr.errors import CodeError, NotACode

FORMAT = "00"
VERSION = "01"
CRC = "63"
_BEGINNING = re.compile(r"0002[0-9]{2}")
_CRC_HEADER = f"{CRC}04"
_CRC_DIGITS = re.compile(r"[0-9A-Fa-f]{4}")


def looks_like_one(text: str) -> bool:
    """Whether a text begins as each merchant code does."""
    return _BEGINNING.match(text) is not None


def read(text: str) -> dict[str, str]:
    """The fields of a code, by their ids, in their order; the last is checked.

    Raises:
        NotACode: the text begins as no code does, or is longer than any.
        CodeError: it is damaged.
    """
    if not looks_like_one(text):
        raise NotACode(_("this is not a merchant's code, whose text begins with 000201"))
    if len(text) > MAX_CODE_CHARACTERS:
        raise NotACode(
            _("a merchant's code has at most {most} characters").format(most=MAX_CODE_CHARACTERS)
        )
    before, said = text[:-4], text[-4:]
    if not before.endswith(_CRC_HEADER) or not _CRC_DIGITS.fullmatch(said):
        raise CodeError(_("the code is damaged: it does not end with its check digits"))
    if said.upper() != _crc(before):
        raise CodeError(_("the code is damaged: its check digits do not fit"))
    objects = parse(text)
    if next(reversed(objects)) != CRC:
        raise CodeError(_("the code is damaged: it does not end with its check digits"))
    return objects


def write(objects: Mapping[str, str]) -> str:
    """The text of a code.

    Args:
        objects: its fields by their ids, without the first and the last. Empty ones are left out.

    Raises:
        CodeError: a field is too long.
    """
    before = compose({FORMAT: VERSION, **objects}) + _CRC_HEADER
    return before + _crc(before)


def _crc(text: str) -> str:
    """CRC-16 with polynomial 1021 (hexadecimal) that begins with FFFF, over the text in UTF-8.

    Raises:
        CodeError: the text has half a character in it, which no UTF-8 has.
    """
    try:
        return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"
    except UnicodeEncodeError:
        raise CodeError(_("the code is damaged: it is no text in UTF-8")) from None
