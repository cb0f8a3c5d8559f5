"""Gives wallets numbers that do not tell how many there are, or which others exist."""

from __future__ import annotations

import secrets

from currency.number import SERIAL_DIGITS, make


def drawn(prefix: str) -> str:
    """A number of a bank, by chance among 10¹¹.

    Whoever takes it looks that no wallet has it. A bank whose database was put back to an older
    copy does not know all that it has given; chance alone keeps it from giving one to somebody
    else, whatever copy it goes on from: with a million lost wallets, once in 100,000 openings.
    """
    return make(prefix, secrets.randbelow(10**SERIAL_DIGITS))
