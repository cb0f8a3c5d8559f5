"""Reads and writes amounts: yuan for people, fen for programs. 1 yuan is 100 fen; there are no
floats.
"""

from __future__ import annotations

import re
import unicodedata

from language import _

MAX_AMOUNT_FEN = 10**13
"""The largest amount that a person or a program may ask for: one hundred billion yuan."""

MAX_TYPED = 40
"""Characters of an amount as somebody typed it."""

# Forms are told apart by one expression each, so that nothing is guessed from what is left over.
_MARKED = re.compile(r"(?:(?:¥|CNY|RMB)\s*)?(\S+?)(?:\s*(?:元|yuan|CNY|RMB))?", re.IGNORECASE)
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?=\.|$)")
_DECIMAL_COMMA = re.compile(r"[0-9.]*[0-9],[0-9]{1,2}")
_YUAN = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")


class AmountError(ValueError):
    """Not an amount in yuan; the message shows what is right."""


def parse_yuan(text: str) -> int:
    """Parses an amount in yuan, as people write it where there is no doubt; returns fen.

    That is ``12.50``, ``12.5`` or ``12``; with thousands marks as `format_yuan` prints them; with
    ``¥`` before or ``元`` after it; in full-width characters too.

    Raises:
        AmountError: anything else: signs, exponents, three decimals, zero, more than
            MAX_AMOUNT_FEN, or what may mean two amounts, such as ``12,50``.
    """
    digits = _bare(text)
    if _DECIMAL_COMMA.fullmatch(digits):
        raise AmountError(
            _("{text} may mean two amounts; write yuan and fen like 12.50").format(text=text)
        )
    if grouped := _GROUPED.match(digits):
        digits = grouped.group().replace(",", "") + digits[grouped.end() :]
    match = _YUAN.fullmatch(digits)
    if match is None:
        if digits.startswith(("-", "−")):
            raise AmountError(_("an amount has no sign; write it like 12.50"))
        raise AmountError(
            _("{text!r} is not an amount in yuan; write it like 12.50").format(
                text=_shortened(text)
            )
        )
    yuan, fen = match.groups(default="")
    if len(fen) > 2:
        raise AmountError(
            _("{text} has more than two decimals; one fen is 0.01 yuan").format(text=text)
        )
    if len(yuan) > len(str(MAX_AMOUNT_FEN)):
        raise _too_large(text)
    amount_fen = int(yuan) * 100 + int(fen.ljust(2, "0"))
    if amount_fen == 0:
        raise AmountError(_("the amount must be more than zero; write it like 12.50"))
    if amount_fen > MAX_AMOUNT_FEN:
        raise _too_large(text)
    return amount_fen


def format_yuan(amount_fen: int) -> str:
    """Formats fen as yuan with two decimals and thousands marks: 123456 becomes ``1,234.56``."""
    sign = "-" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{sign}{yuan:,}.{fen:02d}"


def _bare(text: str) -> str:
    """What was typed, in ASCII if possible, without marks of the currency. Raises AmountError."""
    if len(text) > MAX_TYPED:
        raise AmountError(
            _("{text!r} is too long for an amount; write it like 12.50").format(
                text=_shortened(text)
            )
        )
    plain = unicodedata.normalize("NFKC", text).strip()
    match = _MARKED.fullmatch(plain)
    return match.group(1) if match else plain


def _too_large(text: str) -> AmountError:
    most = format_yuan(MAX_AMOUNT_FEN)
    return AmountError(
        _("{text} is too large: one order may move {most} yuan at most").format(
            text=text, most=most
        )
    )


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TYPED else text[:MAX_TYPED] + "…"
