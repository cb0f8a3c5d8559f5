"""Divides a load into tokens, in the same way for every load of an amount.

Tokens have round sizes, as banknotes have. So a payment needs one token of which nothing was spent
yet, and its payee learns that token's size and not what was loaded. Each small size occurs once;
the rest is in as few tokens as possible. The odd part of the amount is in one token, the smallest.
"""

from __future__ import annotations

from central_bank.limits import MAX_TOKEN_FEN
from offline_token.limits import MAX_CHAINS

WHOLE_BELOW_FEN = 2_000
"""A load of less than 20 yuan is not divided."""

ONCE_FEN = (500, 1_000, 2_000, 5_000, 10_000, 20_000)
_ROUND_FEN = [digit * 10**power for power in range(6, 2, -1) for digit in (5, 2, 1)]
_THEN_FEN = (MAX_TOKEN_FEN, *_ROUND_FEN, ONCE_FEN[0])


def sizes(amount_fen: int) -> list[int]:
    """Values of a load's tokens, in fen, which add up to its amount; at most `MAX_CHAINS` of them.

    Args:
        amount_fen: at most `MAX_CHAINS` times the largest token.
    """
    if amount_fen < WHOLE_BELOW_FEN:
        return [amount_fen]
    found: list[int] = []
    rest_fen = amount_fen
    for size in ONCE_FEN:
        if size <= rest_fen:
            found.append(size)
            rest_fen -= size
    for size in _THEN_FEN:
        count, rest_fen = divmod(rest_fen, size)
        found += [size] * count
    found[0] += rest_fen
    return found if len(found) <= MAX_CHAINS else _in_few(amount_fen)


def _in_few(amount_fen: int) -> list[int]:
    whole, rest_fen = divmod(amount_fen, MAX_TOKEN_FEN)
    return [MAX_TOKEN_FEN] * whole + ([rest_fen] if rest_fen else [])
