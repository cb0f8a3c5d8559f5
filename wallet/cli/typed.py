"""What people type, brought into the form that the contract knows."""

from __future__ import annotations

import re
import unicodedata

from language import _

_PHONE = re.compile(r"\+?[0-9]+(?: [0-9]+)*")
MAX_PHONE = 20


class PhoneError(ValueError):
    """Not a phone number; the message shows what is right."""


def phone_typed(text: str) -> str:
    """A phone number as somebody typed it: with hyphens, brackets, in full-width digits.

    "" stays "". Raises PhoneError.
    """
    plain = unicodedata.normalize("NFKC", text)
    number = " ".join(re.sub(r"[-\u2010\u2011()./]", " ", plain).split())
    if number and (len(number) > MAX_PHONE or not _PHONE.fullmatch(number)):
        shown = text if len(text) <= MAX_PHONE else text[:MAX_PHONE] + "…"
        raise PhoneError(
            _("{shown!r} is not a phone number; write it like 13800000001").format(shown=shown)
        )
    return number
