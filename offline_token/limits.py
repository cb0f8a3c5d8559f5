"""Bounds of the format; the rules of a trust bundle may be narrower."""

from __future__ import annotations

MAX_CHAINS = 16
"""Tokens in one payment."""

MAX_HOPS = 32
"""Endorsements in one chain. How many of them may change its owner is the bundle's to say."""

MIN_LEFT_MS = 86_400_000
"""What a payee takes is good for so long at least: who is paid has a day to come online."""

MAX_BANKS = 1_000
MAX_REVOKED = 10_000
MAX_PAYMENT_BYTES = 16_384
