"""The short code of a key: what a holder reads out at the bank, and an officer compares."""

from __future__ import annotations

import hashlib

_DIGITS, _GROUP = 16, 4


def code_of(public_key: bytes) -> str:
    """A key's code, such as "5bb4-d13f-f374-0c17": 64 bits of its SHA-256.

    To make another key of the same code somebody has to try some 2^64 keys.
    """
    digits = hashlib.sha256(public_key).hexdigest()[:_DIGITS]
    return "-".join(digits[at : at + _GROUP] for at in range(0, _DIGITS, _GROUP))


def same_code(typed: str, public_key: bytes) -> bool:
    """Whether somebody has typed a key's code, in whatever spelling."""
    kept = "".join(digit for digit in typed.lower() if digit.isalnum())
    return kept == code_of(public_key).replace("-", "")
