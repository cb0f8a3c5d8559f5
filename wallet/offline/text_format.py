"""Writes offline requests, payments and returns as text that QR codes encode well, and reads them.

A text is a prefix that says what it is, then Base32 (RFC 4648) without padding. Spaces and line
breaks do not count. The signatures inside show whether a text was changed; nothing is checked here.

A text that is too long for one QR code is drawn as several codes. Each carries ``DCEPQ1/i/n/crc/``
and the i-th of n parts; crc is the CRC-32 of the whole text in eight hexadecimal digits. The codes
can be read in any order, and any number of times.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from language import N_, _
from wallet.limits import MAX_CODES, MAX_QR_CHARACTERS, MAX_TEXT_CHARACTERS

CODE = "DCEPQ1/"
REQUEST = "DCEPR1"
PAYMENT = "DCEPP2"
BACK = "DCEPB1"
_EARLIER = "DCEPP1"
_PART = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9A-F]{8})/([A-Z0-9]+)")
_HEADER_CHARACTERS = len(CODE) + len("99/99/00000000/")
WORDS = {
    REQUEST: N_("a request for an offline payment"),
    PAYMENT: N_("an offline payment"),
    BACK: N_("an offline payment given back"),
}


class PaperError(ValueError):
    """A text is not of the expected kind; the message says what is expected."""


def write(prefix: str, data: bytes) -> str:
    """Encodes bytes as text.

    Args:
        prefix: REQUEST, PAYMENT or BACK.
    """
    return prefix + base64.b32encode(data).decode("ascii").rstrip("=")


def gives_back(text: str) -> bool:
    """Whether a text, or the text in some codes, is the return of a payment. Raises PaperError."""
    return joined(text).startswith(BACK)


def read(prefix: str, text: str) -> bytes:
    """Decodes a text, or the text in some codes. Raises PaperError.

    Args:
        prefix: the kind of text that is expected: REQUEST, PAYMENT or BACK.
    """
    packed = joined(text)
    for other, words in WORDS.items():
        if other != prefix and packed.startswith(other):
            raise PaperError(
                _("this is {words}; {wanted} begins with {prefix}").format(
                    words=_(words), wanted=_(WORDS[prefix]), prefix=prefix
                )
            )
    if packed.startswith(_EARLIER):
        raise PaperError(
            _(
                "this payment was written by an earlier version of the wallet, which this one "
                "does not read; what it paid goes back to who loaded it, after it has expired"
            )
        )
    if not packed.startswith(prefix):
        raise PaperError(
            _("{words} is a text that begins with {prefix}").format(
                words=_(WORDS[prefix]), prefix=prefix
            )
        )
    if len(packed) > MAX_TEXT_CHARACTERS:
        raise PaperError(
            _("{words} has at most {most} characters").format(
                words=_(WORDS[prefix]), most=MAX_TEXT_CHARACTERS
            )
        )
    body = packed[len(prefix) :]
    try:
        return base64.b32decode(body + "=" * (-len(body) % 8))
    except (binascii.Error, ValueError):
        raise PaperError(
            _("{words} has letters that do not belong there").format(words=_(WORDS[prefix]))
        ) from None


def codes(text: str, most_characters: int = MAX_QR_CHARACTERS) -> list[str]:
    """The texts of the QR codes that carry a text: the text itself, or its parts.

    Args:
        text: as `write` gives it.
        most_characters: how many characters one code carries.
    """
    if len(text) <= most_characters:
        return [text]
    size = most_characters - _HEADER_CHARACTERS
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    crc = _crc(text)
    return [f"{CODE}{at}/{len(parts)}/{crc}/{part}" for at, part in enumerate(parts, 1)]


def joined(text: str) -> str:
    """The text that some codes carry, or else the text itself, in capital letters, without spaces.

    Raises:
        PaperError: a code is missing, was read wrongly, or is of another text.
    """
    packed = "".join(text.split()).upper()
    if not packed.startswith(CODE):
        return packed
    count, crc, parts = 0, "", dict[int, str]()
    for code in packed.split(CODE)[1:]:
        found = _PART.fullmatch(code)
        if found is None:
            raise PaperError(
                _("a code is a text like {code}1/3/0A1B2C3D/…; read it again, whole").format(
                    code=CODE
                )
            )
        at, of, part = int(found[1]), int(found[2]), found[4]
        if parts and (of, found[3]) != (count, crc):
            raise PaperError(
                _(
                    "these are codes of different payments; give those of one, all of them and "
                    "no other"
                )
            )
        count, crc = of, found[3]
        if not 1 <= at <= count <= MAX_CODES or parts.setdefault(at, part) != part:
            raise PaperError(
                _("code {at} of {count} was read wrongly; read it again").format(at=at, count=count)
            )
    missing = [str(at) for at in range(1, count + 1) if at not in parts]
    if missing:
        raise PaperError(
            _("of {count} codes these are missing: {names}").format(
                count=count, names=", ".join(missing)
            )
        )
    whole = "".join(parts[at] for at in range(1, count + 1))
    if _crc(whole) != crc:
        raise PaperError(_("a code was read wrongly; read them again"))
    return whole


def _crc(text: str) -> str:
    return f"{zlib.crc32(text.encode('ascii')):08X}"
