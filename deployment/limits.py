"""Bounds of a stack, in one place."""

from __future__ import annotations

from typing import Final

STOP_TIMEOUT_S: Final = 20.0
"""How long a service may drain after SIGTERM before its process group is killed."""

CALL_TIMEOUT_S: Final = 30.0
"""Deadline of a single call."""

LOG_TAIL_LINES: Final = 15
"""Lines of a service's log shown when it did not start."""

LOOK_TIMEOUT_S: Final = 2.0
"""How long to wait for an answer at a port of this machine."""
