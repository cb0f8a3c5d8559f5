"""Offline requests and payments as text: capital letters and digits, as QR codes like them.

Base32 (RFC 4648) without padding after a prefix that says what it is; spaces and line breaks are
no part of it. A text that was changed is found out by the signatures inside, not here.
"""

from __future__ import annotations

import base64
import binascii

from wallet.limits import MAX_TEXT_CHARACTERS

REQUEST = "DCEPR1"
PAYMENT = "DCEPP1"
_WORDS = {REQUEST: "a request for an offline payment", PAYMENT: "an offline payment"}


class PaperError(ValueError):
    """This is no such text; the message says what is expected."""


def write(prefix: str, data: bytes) -> str:
    """Bytes as text."""
    return prefix + base64.b32encode(data).decode("ascii").rstrip("=")


def read(prefix: str, text: str) -> bytes:
    """The bytes of a text. Raises PaperError."""
    packed = "".join(text.split()).upper()
    for other, words in _WORDS.items():
        if other != prefix and packed.startswith(other):
            raise PaperError(f"this is {words}; {_WORDS[prefix]} begins with {prefix}")
    if not packed.startswith(prefix):
        raise PaperError(f"{_WORDS[prefix]} is a text that begins with {prefix}")
    if len(packed) > MAX_TEXT_CHARACTERS:
        raise PaperError(f"{_WORDS[prefix]} has at most {MAX_TEXT_CHARACTERS} characters")
    body = packed[len(prefix) :]
    try:
        return base64.b32decode(body + "=" * (-len(body) % 8))
    except (binascii.Error, ValueError):
        raise PaperError(f"{_WORDS[prefix]} has letters that do not belong there") from None
