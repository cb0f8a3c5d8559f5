"""Bounds of officers and their acts."""

from __future__ import annotations

MAX_OFFICERS = 500
"""Officers of one institution, removed ones included."""

MAX_FOUNDING_FILE_BYTES = 64 * 1024
MAX_CREDENTIALS = 50
"""Credentials of one officer, ended ones included."""

MAX_NAME = 32
MAX_CAUSE = 200
MAX_ACT_VALIDITY_MS = 7 * 86_400_000
"""How long an act may wait for its second officer."""

MAX_DECISION_VALIDITY_MS = 3_600_000
CLOCK_SKEW_MS = 60_000
MAX_OPEN_ACTS = 100
"""Acts of one officer that wait at once."""

ENDED_BYTES = 16 * 1024 * 1024
"""Bytes of acts without approval that are kept for one officer before they have to wait; and as
many for each day after that."""

EXPIRED_AT_ONCE = 50
"""Expired acts that one step ends."""

LOOKED_THROUGH_AT_ONCE = 500
"""Open acts that are read at once when a key or a right has ended."""
