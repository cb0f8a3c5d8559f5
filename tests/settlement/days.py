"""Days as the rule counts them: Beijing's."""

from __future__ import annotations

DAY_MS = 86_400_000
BEIJING_MS = 8 * 3_600_000
MIDNIGHT_MS = 20_000 * DAY_MS - BEIJING_MS
"""Where day 20,000 begins, in UTC+8."""
