"""Times as people read and type them, in this machine's time zone, which is printed too."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from currency.days import DAY_MS
from language import _


class TimeError(ValueError):
    """Not a time; the message shows the accepted forms."""


def clock(time_ms: int) -> str:
    """``2026-11-26 18:16:03``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ms / 1_000))


def in_a_year(now_ms: int) -> str:
    """The day that is 365 days from now, as `parse_time` reads it."""
    return clock(now_ms + 365 * DAY_MS)[:10]


def zoned(time_ms: int) -> str:
    """``2026-11-26T18:16:03+08:00``, for programs (ISO 8601)."""
    return datetime.fromtimestamp(time_ms / 1_000).astimezone().isoformat(timespec="seconds")


def zone(time_ms: int) -> str:
    """The zone of this machine at a time, such as ``UTC+08:00``."""
    offset = datetime.fromtimestamp(time_ms / 1_000).astimezone().strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}"


def parse_time(text: str, *, end: bool = False) -> int:
    """Milliseconds for a day or a time such as ``2026-11-26`` or ``2026-11-26 18:16``.

    Args:
        end: gives the last millisecond of the named day, minute or second instead of the first.

    Raises:
        TimeError: anything else.
    """
    try:
        first = datetime.fromisoformat(text.strip())
        lasts = _lasts(text.strip())
        upto = first + lasts
        return int((upto if end else first).astimezone().timestamp() * 1_000) - (1 if end else 0)
    except (ValueError, OverflowError, OSError):
        raise TimeError(
            _("{text!r} is no time; write it like 2026-11-26 or 2026-11-26T18:16").format(
                text=text[:40]
            )
        ) from None


def _lasts(text: str) -> timedelta:
    """How long the named day, minute or second lasts."""
    time_of_day = text[10:].partition("+")[0]
    if not time_of_day:
        return timedelta(days=1)
    return timedelta(minutes=1) if time_of_day.count(":") < 2 else timedelta(seconds=1)
