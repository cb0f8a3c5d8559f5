"""Finds offline texts in what a person hands in, whatever programs it went through.

Those programs may have written it in another encoding (UTF-16, with a byte order mark), wrapped its
lines, quoted it, put words around it, or made its letters full-width. A text's content says how
long the text is, so words that follow it are not taken for part of it.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Collection

from language import _
from offline_token.formats import (
    CERTIFICATE_BYTES,
    CHANGE_OUTPUT,
    ENDORSEMENT_BYTES,
    REQUEST_BYTES,
    TOKEN_BYTES,
    statement_bytes,
)
from wallet.limits import MAX_TEXT_CHARACTERS
from wallet.offline import text_format
from wallet.offline.text_format import BACK, CODE, PAYMENT, REQUEST, PaperError

_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_KIND = re.compile(r"DCEP[A-Z][0-9]")
_LETTERS = re.compile(r"[A-Z2-7]*")
_A_CODE = re.compile(r"DCEPQ1/[0-9]{1,2}/[0-9]{1,2}/[0-9A-F]{8}/[A-Z0-9]+")
_QUOTED = re.compile(r"^[ \t]*(?:[>|][ \t]*)+", re.MULTILINE)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def decoded(data: bytes) -> str:
    """Decodes bytes that any program wrote; what cannot be read becomes a replacement character."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if data.count(0) * 3 > len(data):
        big = data[0::2].count(0) > data[1::2].count(0)
        return data.decode("utf-16-be" if big else "utf-16-le", errors="replace")
    return data.decode("utf-8", errors="replace")


def found(text: str, wanted: Collection[str]) -> str:
    """Finds the offline text of a wanted kind, whether it is whole or in codes.

    Args:
        text: what was handed in.
        wanted: prefixes, as in `wallet.offline.text_format`.

    Returns:
        The text. If there is none of a wanted kind, it is an offline text of another kind, or else
        what was handed in, without spaces: `text_format.read` then says what is wrong with it.

    Raises:
        PaperError: there are several different texts, or only some of the codes.
    """
    clean = _clean(text)
    in_codes, wrong = _in_codes(clean)
    if in_codes.startswith(tuple(wanted)):
        return in_codes
    texts = _whole(_A_CODE.sub("", clean))
    ours = [each for each in texts if each.startswith(tuple(wanted))]
    if len(ours) > 1:
        raise PaperError(
            _("there are {count} different texts in it; give one of them").format(count=len(ours))
        )
    if ours:
        return ours[0]
    if wrong is not None:
        raise wrong
    return in_codes or (texts[0] if texts else "".join(clean.split()))


def _in_codes(clean: str) -> tuple[str, PaperError | None]:
    """The text that codes carry, or "" and what is wrong with the codes, if there are any.

    Codes are first read up to the next space each, and then with all lines joined.
    """
    packed = "".join(clean.split())
    wrong: PaperError | None = None
    for codes in ("".join(_A_CODE.findall(clean)), packed[packed.find(CODE) :]):
        if codes.startswith(CODE):
            try:
                return text_format.joined(codes), None
            except PaperError as error:
                wrong = wrong or error
    return "", wrong


def _whole(clean: str) -> list[str]:
    """All different texts that are not in codes, in order."""
    packed = "".join(clean.split())
    texts: list[str] = []
    at = 0
    while (start := _KIND.search(packed, at)) is not None:
        one = start[0] + _letters(start[0], packed, start.end())
        at = start.start() + len(one)
        if one not in texts:
            texts.append(one)
    return texts


def _clean(text: str) -> str:
    text = _QUOTED.sub("", _ESCAPES.sub("", unicodedata.normalize("NFKC", text)))
    return "".join(each for each in text if unicodedata.category(each) != "Cf").upper()


def _letters(kind: str, packed: str, start: int) -> str:
    """The letters that belong to the text whose prefix ends at `start`."""
    letters = _LETTERS.match(packed, start, start + MAX_TEXT_CHARACTERS)
    body = letters[0] if letters is not None else ""
    known = len(body) // 8 * 8
    tail = body[known:] if len(body) % 8 in (2, 4, 5, 7) else ""
    data = base64.b32decode(body[:known] + tail + "=" * (-len(tail) % 8))
    needed = _needed(kind, data)
    return body[: -(-needed * 8 // 5)] if needed else body


def _needed(kind: str, data: bytes) -> int:
    """How many bytes a text has, as its content says; 0 if it does not say."""
    try:
        if kind == REQUEST:
            return _statements_end(data, REQUEST_BYTES)
        if kind == BACK:
            return 19 + ENDORSEMENT_BYTES * data[18] if data[18] else 0
        return _payment_bytes(data) if kind == PAYMENT else 0
    except IndexError:
        return 0


def _payment_bytes(data: bytes) -> int:
    if not data[2]:
        return 0
    at = 3
    for _at in range(data[2]):
        at += TOKEN_BYTES
        count = data[at]
        at += 1
        for index in range(count):
            spends_change = index > 0 and data[at] == CHANGE_OUTPUT
            at += ENDORSEMENT_BYTES + (0 if spends_change else CERTIFICATE_BYTES)
    return _statements_end(data, at)


def _statements_end(data: bytes, at: int) -> int:
    count = data[at]
    at += 1
    for _number in range(count):
        at += statement_bytes(data[at : at + 1])
    return at
