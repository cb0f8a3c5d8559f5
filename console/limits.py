"""Every bound of the officers' commands, in one place."""

from __future__ import annotations

from typing import Final

MAX_UNHEARD: Final = 100
"""Equal commands that may be without an answer at once."""

READY_S: Final = 20 * 60
"""How long a cash machine waits for an order for its notes; a bank takes none after 15 minutes."""

SHOWN_KEPT_S: Final = 8 * 86_400
"""So long it is known what was shown of an act; its own time is over after seven days."""

SHOWN_WAITING: Final = 50
"""What waits, in a list that does not say how much it is to show."""

BOOKS_READINGS: Final = 20
"""How often a bank's books are read until nothing moved meanwhile."""

BOOKS_PAUSE_S: Final = 0.1
"""Between two readings."""
