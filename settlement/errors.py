"""The core's exceptions, and what an error of the database means.

Exception
├── CoreStopped    it could not write: the outcome is unknown until a restart.
├── Overloaded     it takes no more for now: nothing was taken, ask again later.
└── Undone         within the core: batches were rolled back.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

_SQLITE_BUSY, _SQLITE_LOCKED = 5, 6
_GIVEN_UP = ("40", "55", "57014")
"""How the SQLSTATE begins when PostgreSQL ended a transaction because of another one or because it
took too long: serialization failures and deadlocks (40), locks not available (55), time-outs."""


class CoreStopped(Exception):
    """The core could not write and answers nothing any more; a restart recovers it."""


class Overloaded(Exception):
    """The core takes no more for now; nothing was taken, try again later."""


class Undone(Exception):
    """Nothing of these batches was written. `error` is for the caller of the one to blame."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def is_busy(error: BaseException) -> bool:
    """Whether SQLite could not get its lock, so that nothing was done at all."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
    return code & 0xFF in (_SQLITE_BUSY, _SQLITE_LOCKED)


def was_given_up(error: BaseException) -> bool:
    """Whether PostgreSQL rolled a transaction back that may succeed when it is tried again."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return state.startswith(_GIVEN_UP)


def is_of_the_database(error: Exception) -> bool:
    """Whether an error means that the database or the machine cannot be relied on."""
    if isinstance(error, OSError | MemoryError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    kinds = OperationalError | InternalError | InterfaceError
    return error.connection_invalidated or isinstance(error, kinds)
