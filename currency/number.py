"""Wallet numbers: 16 digits, the bank's prefix first and a Luhn check digit last."""

from __future__ import annotations

PREFIX_DIGITS = 4
SERIAL_DIGITS = 11
NUMBER_DIGITS = PREFIX_DIGITS + SERIAL_DIGITS + 1
_DIGITS = b"0123456789"
_SINGLE = bytes.maketrans(_DIGITS, bytes(range(10)))
_DOUBLED = bytes.maketrans(_DIGITS, bytes(sum(divmod(2 * digit, 10)) for digit in range(10)))


class NumberError(ValueError):
    """Not a wallet number; the message says why."""


def make(prefix: str, serial: int) -> str:
    """The number of a bank's `serial`-th wallet."""
    if len(prefix) != PREFIX_DIGITS or not _digits(prefix):
        raise NumberError(f"a prefix has {PREFIX_DIGITS} digits, not {prefix!r}")
    if not 0 <= serial < 10**SERIAL_DIGITS:
        raise NumberError(f"serial {serial} does not fit {SERIAL_DIGITS} digits")
    body = f"{prefix}{serial:0{SERIAL_DIGITS}d}"
    return body + _check_digit(body)


def check(text: str) -> str:
    """Returns the number itself.

    Raises:
        NumberError: wrong length, other than digits 0-9, or a check digit that does not fit.
    """
    if len(text) != NUMBER_DIGITS or not _digits(text):
        raise NumberError(f"a wallet number has {NUMBER_DIGITS} digits")
    if _check_digit(text[:-1]) != text[-1]:
        raise NumberError("the check digit does not fit; one digit or two neighbours are mistyped")
    return text


def prefix_of(number: str) -> str:
    """The bank's prefix in a number that `check` accepts."""
    return number[:PREFIX_DIGITS]


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _check_digit(body: str) -> str:
    """Luhn (ISO/IEC 7812-1, annex B): every second digit from the right counts double."""
    digits = body.encode("ascii")
    total = sum(digits[::-2].translate(_DOUBLED)) + sum(digits[-2::-2].translate(_SINGLE))
    return str(-total % 10)
