"""Makes and checks wallet numbers: 16 digits, the bank's prefix first and a Luhn check digit
last.
"""

from __future__ import annotations

import unicodedata

from language import _

PREFIX_DIGITS = 4
SERIAL_DIGITS = 11
NUMBER_DIGITS = PREFIX_DIGITS + SERIAL_DIGITS + 1
# Luhn (ISO/IEC 7812-1, annex B): every second digit from the right is doubled, and the digits of
# the result are added. With 16 digits these are the first of each pair. Banks check numbers with
# every payment, so the sum for each four digits is looked up.
_TWO = {f"{n:02d}": sum(divmod(2 * (n // 10), 10)) + n % 10 for n in range(100)}
_FOUR = {first + last: _TWO[first] + _TWO[last] for first in _TWO for last in _TWO}


class NumberError(ValueError):
    """Not a wallet number; the message says why."""


def make(prefix: str, serial: int) -> str:
    """Makes the number of a bank's wallet from its serial. Raises NumberError."""
    if len(prefix) != PREFIX_DIGITS or not _digits(prefix):
        raise NumberError(
            _("a prefix has {digits} digits, not {prefix!r}").format(
                digits=PREFIX_DIGITS, prefix=prefix
            )
        )
    if not 0 <= serial < 10**SERIAL_DIGITS:
        raise NumberError(
            _("serial {serial} does not fit {digits} digits").format(
                serial=serial, digits=SERIAL_DIGITS
            )
        )
    body = f"{prefix}{serial:0{SERIAL_DIGITS}d}"
    return body + str(-_sum(f"{body}0") % 10)


def check(text: str) -> str:
    """Checks a wallet number, and returns it.

    Raises:
        NumberError: wrong length, other characters than 0-9, or a wrong check digit.
    """
    try:
        total = _sum(text)
    except KeyError:
        raise NumberError(
            _("a wallet number has {digits} digits").format(digits=NUMBER_DIGITS)
        ) from None
    if total % 10:
        raise NumberError(
            _("the check digit does not fit; one digit or two neighbours are mistyped")
        )
    return text


def typed(text: str) -> str:
    """Reads a number that a person typed: in groups, with spaces or hyphens, in full-width digits.

    Raises:
        NumberError: as `check`; the message says how many digits there were.
    """
    if len(text) > 4 * NUMBER_DIGITS:
        raise NumberError(_("a wallet number has {digits} digits").format(digits=NUMBER_DIGITS))
    plain = unicodedata.normalize("NFKC", text)
    number = "".join(character for character in plain if character not in " -\u2010\u2011")
    if _digits(number) and len(number) != NUMBER_DIGITS:
        raise NumberError(
            _("a wallet number has {digits} digits, not {count}").format(
                digits=NUMBER_DIGITS, count=len(number)
            )
        )
    return check(number)


def prefix_of(number: str) -> str:
    """The bank's prefix in a number that `check` accepts."""
    return number[:PREFIX_DIGITS]


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _sum(number: str) -> int:
    """The sum of 16 digits by Luhn's rule. Raises KeyError for anything else."""
    return _FOUR[number[:4]] + _FOUR[number[4:8]] + _FOUR[number[8:12]] + _FOUR[number[12:]]
