"""Turns what people type into the form that the contract requires."""

from __future__ import annotations

import re
import unicodedata

from language import _
from wallet.limits import MAX_PHONE

_PHONE = re.compile(r"\+?[0-9]+(?: [0-9]+)*")


class PhoneError(ValueError):
    """Not a phone number; the message shows the accepted forms."""


def papers_typed(text: str) -> str:
    """The number of a document or an account in what was typed, without blanks and hyphens."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return re.sub(r"[-\u2010\u2011\s]", "", plain)


def phone_typed(text: str) -> str:
    """The phone number in what was typed, with hyphens, brackets or full-width digits removed.

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
