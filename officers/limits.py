"""Bounds of officers and their acts."""

from __future__ import annotations

MAX_OFFICERS = 500
"""Of one institution, removed ones included."""

MAX_FOUNDING_FILE_BYTES = 64 * 1024
MAX_CREDENTIALS = 50
"""Of one officer, ended ones included."""

MAX_NAME = 32
MAX_CAUSE = 200
MAX_ACT_VALIDITY_MS = 7 * 86_400_000
"""For so long an act may wait for its second officer."""

MAX_DECISION_VALIDITY_MS = 3_600_000
CLOCK_SKEW_MS = 60_000
MAX_OPEN_ACTS = 100
"""Acts of one officer that wait at once."""

ENDED_BYTES = 16 * 1024 * 1024
"""What one officer may have kept of acts that nobody approved before he has to wait; and so much a
day then."""

EXPIRED_AT_ONCE = 50
"""Acts whose time is over that one step ends."""

LOOKED_THROUGH_AT_ONCE = 500
"""Open acts that are read at once when a key or a right has ended."""
