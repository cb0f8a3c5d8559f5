"""Bounds of the secure element."""

from __future__ import annotations

MAX_PIECES = 1_000
"""Pieces of money it holds; loading and accepting stop there."""

TOKENS_KEPT_MS = 100 * 86_400_000
"""So long after its expiry a token that was loaded is remembered, by the times of the root's
bundles and not by a clock. An older one is not taken, so none is taken twice; nobody is paid for it
any more."""

MAX_KEYS = 64
"""Keys that it holds, one for each load of which anything is left. Beyond, the oldest keys without
money are forgotten, with the requests that show them; when all have money, nothing is loaded."""

MAX_REQUESTS = 1_000
"""Requests that wait for their payment. Beyond, the oldest that nobody may pay any more is
forgotten; where all may still be paid, none is made, since a payment for one that was forgotten can
neither be taken nor given back."""

MAX_ANYBODYS_REQUESTS = 500
"""Likewise, where whoever holds a card to a reader asks: the rest is for who knows its PIN."""

MAX_REMEMBERED = 1_000
"""Payments made, and payments taken, that it can still repeat its answer to. Of those made what its
payee has confirmed is forgotten first: what comes back of a forgotten one cannot be taken."""

RENEWED_BEFORE_MS = 30 * 86_400_000
"""A certificate that ends within the age that a trust bundle may have is renewed when a bank is in
reach."""

REQUEST_VALID_MS = 24 * 3_600_000
"""A request may be paid for so long."""

CLOCKS_APART_MS = 3_600_000
"""A payer leaves out what ends so much before a payee would refuse it: their clocks may differ."""

MAX_PIN_TRIES = 10
"""Wrong PINs in a row; beyond, the device stays locked."""

MIN_PIN_CHARACTERS = 4
MAX_PIN_CHARACTERS = 64

MIN_LOG_BYTES = 65_536
"""So long the log of changes grows before the state is written whole; a longer state's log grows as
long as the state. So a change costs at most about twice its own bytes, over many."""
