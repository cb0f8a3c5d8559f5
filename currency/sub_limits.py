"""The limits that sub-wallets can have: three amounts of a short ladder, and the limit set of each.

A bank's table of limit sets has room for some hundred. So a sub-wallet's limits are chosen and not
typed, and each choice has its number, at every bank and for good: nobody can use the table up.
"""

from __future__ import annotations

from typing import NamedTuple

LADDER_FEN = (1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000)
"""The amounts that a sub-wallet's limits are chosen from, in fen."""

FIRST_SET = 16
"""The limit set of the first choice; those below are for the classes of wallets."""


class SubLimits(NamedTuple):
    """What a sub-wallet may have and spend besides the limits of its parent, in fen.

    Attributes:
        balance_cap_fen: at most this much in it.
        single_fen: in one payment; never 0 when it is among `CHOICES`.
        day_fen: in a day; 0: the parent's limit alone.
    """

    balance_cap_fen: int
    single_fen: int
    day_fen: int


def _choices() -> list[SubLimits]:
    """Those that differ: a single payment of more than the cap, or than a day, there is none."""
    return [
        SubLimits(cap, single, day)
        for cap in LADDER_FEN
        for day in (0, *LADDER_FEN)
        for single in LADDER_FEN
        if single <= min(cap, day or cap)
    ]


CHOICES = {FIRST_SET + number: limits for number, limits in enumerate(_choices())}
"""The limits of each limit set of sub-wallets."""

_NUMBERS = {limits: number for number, limits in CHOICES.items()}
LAST_SET = max(CHOICES)


def limit_set_of(balance_cap_fen: int, single_fen: int, day_fen: int) -> int:
    """The limit set for a choice.

    Args:
        balance_cap_fen: one of LADDER_FEN.
        single_fen: one of them, or 0 for no limit besides the others.
        day_fen: the same.

    Raises:
        ValueError: an amount is not on the ladder.
    """
    if balance_cap_fen not in LADDER_FEN or {single_fen, day_fen} - {0, *LADDER_FEN}:
        raise ValueError("this limit is not on the ladder")
    bounds = (balance_cap_fen, day_fen or balance_cap_fen, single_fen or balance_cap_fen)
    return _NUMBERS[SubLimits(balance_cap_fen, min(bounds), day_fen)]
