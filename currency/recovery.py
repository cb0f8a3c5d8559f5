"""Says which recovery keys count for a wallet: one rule, for the bank and for whoever audits it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

RECOVERY_KEPT_MS = 7 * 86_400_000
"""How long a recovery key counts on after another one was named in its place: a thief who names one
with a stolen home does not shut out the phrase of the holder at once."""

GIVEN_UP = b""
"""Named in place of a recovery key by a list of signers that gives up those before it."""


class Named(NamedTuple):
    """A recovery key that was named for a wallet.

    Attributes:
        key: 32 bytes, or GIVEN_UP.
        key_number: which of the wallet's keys it came with; 0 is the first one.
        time_ms: when.
    """

    key: bytes
    key_number: int
    time_ms: int


class KeyTaken(NamedTuple):
    """A wallet's key that came into force otherwise than by the word of the one before it.

    Attributes:
        key_number: which of the wallet's keys it is.
        recovery_key: which has asked for it; empty if officers have decided.
    """

    key_number: int
    recovery_key: bytes


def counting(named: Sequence[Named], taken: Iterable[KeyTaken], now_ms: int) -> list[Named]:
    """The recovery keys that count now, the one that was named first before the others.

    Officers begin anew: what was named before their key is void. A recovery key that has replaced
    the wallet's key voids those that were named after it with the keys before that.

    Args:
        named: all of one wallet, in the order in which they were named or given up.
        taken: the keys of the wallet that came by officers or by a recovery key.
        now_ms: Unix milliseconds.
    """
    left = list(named)
    for each in sorted(taken):
        senior = True
        kept = []
        for one in left:
            spared = senior and bool(each.recovery_key)
            if one.key_number >= each.key_number or spared:
                kept.append(one)
            senior = senior and one.key != each.recovery_key
        left = kept
    followed_ms = [one.time_ms for one in left[1:]]
    still = [
        one
        for one, after_ms in zip(left, followed_ms, strict=False)
        if now_ms < after_ms + RECOVERY_KEPT_MS
    ]
    return [one for one in still + left[-1:] if one.key != GIVEN_UP]
