"""Amounts as people read them."""

from __future__ import annotations

from currency.amount import format_yuan
from language import _


def yuan(amount_fen: int) -> str:
    """``12.50 yuan``."""
    return _("{amount} yuan").format(amount=format_yuan(amount_fen))
