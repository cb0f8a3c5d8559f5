"""Gives telephone numbers one spelling."""

from __future__ import annotations

import unicodedata

_COUNTRY = "86"


def one_phone(phone: str) -> str:
    """The one spelling of a telephone number: the country's digits and the number's, no more.

    "+86 139 0013 9000", "008613900139000" and "１３９００１３９０００" are one.
    """
    plain = unicodedata.normalize("NFKC", phone)
    digits = "".join(each for each in plain if each in "0123456789")
    if plain.lstrip().startswith("+"):
        return _within(digits)
    if digits.startswith("00"):
        return _within(digits[2:])
    if digits.startswith(_COUNTRY) and len(digits) > 12:
        return _within(digits)
    return _within(_COUNTRY + digits)


def _within(digits: str) -> str:
    """Without the 0 that numbers within the country begin with."""
    if digits.startswith(_COUNTRY):
        return _COUNTRY + digits[len(_COUNTRY) :].lstrip("0")
    return digits
