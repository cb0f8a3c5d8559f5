"""Bounds of the secure element."""

from __future__ import annotations

MAX_PIECES = 1_000
"""Pieces of money that a device holds at most; beyond, it neither loads nor accepts."""

TOKENS_KEPT_MS = 100 * 86_400_000
"""How long after its expiry a loaded token is remembered, by the times of the root's bundles and
not by a clock. A token that expired before that is not taken, so none is taken twice; by then
nobody is paid for it any more."""

MAX_KEYS = 64
"""Keys that a device holds at most, one for each load of which anything is left. Beyond, the oldest
keys without money are forgotten, with the requests that show them; if all have money, nothing is
loaded."""

MAX_REQUESTS = 1_000
"""Requests that wait for their payment at most. Beyond, the oldest that nobody may pay any more is
forgotten. If all may still be paid, no other is made: a payment for a forgotten request could
neither be taken nor given back."""

MAX_ANYBODYS_REQUESTS = 500
"""The same bound for a card that is held to a reader without its PIN. The rest of the room is for
the holder, who knows the PIN."""

MAX_REMEMBERED = 1_000
"""Payments made, and payments taken, whose answers a device can still repeat. Of those made, the
confirmed ones are forgotten first: what comes back of a forgotten payment cannot be taken."""

RENEWED_BEFORE_MS = 30 * 86_400_000
"""A certificate that ends sooner than this is renewed when a bank is in reach: as long as a trust
bundle may be in use."""

REQUEST_VALID_MS = 24 * 3_600_000
"""How long a request may be paid."""

CLOCKS_APART_MS = 3_600_000
"""How far the clocks of two devices may differ. A payer leaves out pieces that a payee whose clock
is this far ahead would refuse."""

MAX_PIN_TRIES = 10
"""How many wrong PINs in a row lock the device for good."""

MIN_PIN_CHARACTERS = 4
MAX_PIN_CHARACTERS = 64

MIN_LOG_BYTES = 65_536
"""The log of changes grows to this length, or to that of the state if that is longer; then the
state is written whole. Over many changes, one costs at most about twice its own bytes."""
