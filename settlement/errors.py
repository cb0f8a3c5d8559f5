"""What can go wrong when a core is asked.

Exception
├── CoreStopped    it could not write: what was asked is unknown until a restart.
├── Overloaded     it takes no more for now: nothing was taken, ask again later.
└── Undone         within the core: a batch was taken back as if it had never been there.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

_SQLITE_BUSY, _SQLITE_LOCKED = 5, 6
_GIVEN_UP = ("40", "55", "57014")
"""How PostgreSQL's codes begin for a transaction that it ended because of another one, or of the
time: serialization failures and deadlocks, locks that were not to be had, time-outs."""


class CoreStopped(Exception):
    """The core could not write and answers nothing any more; a restart recovers it."""


class Overloaded(Exception):
    """The core takes no more for now; nothing was taken, try again later."""


class Undone(Exception):
    """Nothing of these batches was written. `error` is what the one that is to blame is told."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def is_busy(error: BaseException) -> bool:
    """Whether SQLite could not have its lock, so that nothing was done at all."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
    return code & 0xFF in (_SQLITE_BUSY, _SQLITE_LOCKED)


def was_given_up(error: BaseException) -> bool:
    """Whether PostgreSQL itself took a transaction back, and would take it another time."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return state.startswith(_GIVEN_UP)


def is_of_the_database(error: Exception) -> bool:
    """Whether an error says that the database, or the machine, cannot be relied on."""
    if isinstance(error, OSError | MemoryError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    kinds = OperationalError | InternalError | InterfaceError
    return error.connection_invalidated or isinstance(error, kinds)
