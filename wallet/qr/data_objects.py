"""Data objects of merchant codes: an id, a length and a value each, one after the other.

Source: EMV QR Code Specification for Payment Systems, Merchant-Presented Mode 1.0, section 4.4. The
length counts characters, not bytes, so text in any script is cut where its writer meant it. A
template is a value that consists of data objects itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from language import _
from wallet.qr.errors import CodeError

LONGEST_VALUE = 99
"""Characters; the length has two digits."""

_HEADER = re.compile(r"([0-9]{2})([0-9]{2})")


def parse(text: str) -> dict[str, str]:
    """Takes data objects apart; they stay in their order.

    Templates in it are left as they are, so nothing here is as deep as its writer likes.

    Raises:
        CodeError: something else stands there, a value is empty or cut off, or an id occurs twice.
    """
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        header = _HEADER.match(text, at)
        if header is None:
            raise CodeError(_("the code is damaged: where a field should begin there is none"))
        field, length, start = header[1], int(header[2]), header.end()
        at = start + length
        if not length or at > len(text):
            raise CodeError(
                _("the code is damaged: field {field} is not as long as it says").format(
                    field=field
                )
            )
        if field in found:
            raise CodeError(
                _("the code is damaged: it has field {field} twice").format(field=field)
            )
        found[field] = text[start:at]
    return found


def parse_if_whole(text: str) -> dict[str, str]:
    """The data objects of a template that others may have written in a way of their own; else
    none.
    """
    try:
        return parse(text)
    except CodeError:
        return {}


def compose(objects: Mapping[str, str]) -> str:
    """Puts data objects together, in the order given. Empty values are left out.

    Raises:
        CodeError: a value is too long for its length to be said.
    """
    for field, value in objects.items():
        if len(value) > LONGEST_VALUE:
            raise CodeError(_("field {field} of a code is too long").format(field=field))
    return "".join(f"{field}{len(value):02d}{value}" for field, value in objects.items() if value)
