"""Every bound of the sandbox, in one place."""

from __future__ import annotations

from typing import Final

from dcep.bank.v1 import payments_pb2
from dcep.bounds.v1.bounds_pb2 import KIND_HOLDER_NAME
from runtime.bounds import greatest, most_items

START_TIMEOUT_S: Final = 120.0
"""How long a service may take to become healthy; its code is compiled before."""

COMPILE_TIMEOUT_S: Final = 900.0
"""How long compiling may take; on a busy machine it takes minutes."""

COMPILE_POLL_S: Final = 0.5
"""Pause between two looks at how much is compiled."""

HEALTH_POLL_S: Final = 0.05
"""Pause between two looks at a service that is starting."""

WATCH_POLL_S: Final = 0.5
"""Pause between two looks at the services of a stack that is up."""

FIRST_PAUSE_S: Final = 1.0
"""The pause before a service that ended by itself is started again."""

LONGEST_PAUSE_S: Final = 60.0
"""The longest such pause; it doubles as long as the service does not run for STEADY_S."""

STEADY_S: Final = 60.0
"""After a service has run for so long, its next pause is the first one again."""

BULK_TIMEOUT_S: Final = 100.0
"""Deadline of a bulk call."""

MAX_ITEMS_PER_CALL: Final = most_items(payments_pb2.PayManyRequest, "orders")
"""Items in one bulk call."""

REPLAY_ITEMS_PER_CALL: Final = 4_000
"""Default size of replay's bulk calls: large enough for group commit, small enough to see move."""

SETTLE_TIMEOUT_S: Final = 300.0
"""How long a replay waits for pending cross-bank payments before it gives up."""

SETTLE_POLL_S: Final = 0.1
"""Pause between two questions about pending payments."""

ORDER_VALID_MS: Final = 12 * 60 * 60 * 1000
"""How long an order made by the replay is valid."""

OPENING_VALID_MS: Final = 5 * 60 * 1000
"""How long the replay's order to open a wallet is valid."""

MAX_NAME: Final = greatest(KIND_HOLDER_NAME)
"""Characters of a holder's name."""

MAX_REPLAY_ROWS: Final = 20_000_000
"""Rows that one replay holds in memory."""

SHOWN_PROBING: Final = 5
"""Wallets of a bank that `dcep status` names; `--json` has up to 100."""
