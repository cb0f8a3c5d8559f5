"""Every bound of the officers' commands, in one place."""

from __future__ import annotations

from typing import Final

MAX_UNHEARD: Final = 100
"""How many equal commands may be without an answer at once."""

READY_S: Final = 20 * 60
"""How long a cash machine keeps notes ready; a bank takes no order for them after 15 minutes."""

SHOWN_KEPT_S: Final = 8 * 86_400
"""How long it is kept what was shown of an act; an act itself expires after seven days."""

SHOWN_WAITING: Final = 50
"""How many waiting acts and requests a list shows unless it is told otherwise."""

BOOKS_READINGS: Final = 20
"""How often a bank's books are read, at most, until nothing moves meanwhile."""

BOOKS_PAUSE_S: Final = 0.1
"""Between two readings."""
