"""Amounts: yuan for people, fen for programs. 1 yuan = 100 fen; no floats anywhere."""

from __future__ import annotations

import re

MAX_AMOUNT_FEN = 10**13
"""The largest amount that a person or a program may ask for: one hundred billion yuan."""

_YUAN = re.compile(r"(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,2}))?")


class AmountError(ValueError):
    """Not an amount in yuan; the message shows what is right."""


def parse_yuan(text: str) -> int:
    """Fen for an amount in yuan such as ``12.50``, ``12.5`` or ``12``.

    Raises:
        AmountError: anything else: signs, exponents, three decimals, other digits, zero.
    """
    match = _YUAN.fullmatch(text)
    if match is None:
        raise AmountError(f"{text!r} is not an amount in yuan; write it like 12.50")
    yuan, fen = match.groups()
    amount_fen = int(yuan) * 100 + int((fen or "").ljust(2, "0"))
    if amount_fen == 0:
        raise AmountError("the amount must be more than zero; write it like 12.50")
    if amount_fen > MAX_AMOUNT_FEN:
        most = format_yuan(MAX_AMOUNT_FEN)
        raise AmountError(f"{text} is more than the {most} yuan that one order may move")
    return amount_fen


def format_yuan(amount_fen: int) -> str:
    """Yuan with two decimals and thousands marks: 123456 fen is ``1,234.56``."""
    sign = "-" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{sign}{yuan:,}.{fen:02d}"
