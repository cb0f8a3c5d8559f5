"""One party's disk: a database that outlives what runs over it, and that fails at a write.

Each commit is synced before it returns (`synchronous=FULL`), and SQLite throws the torn end of a
log away when it opens it. So a power cut leaves a commit whole or leaves nothing of it.
"""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, event
from sqlalchemy.exc import OperationalError

from runtime.database import open_engine
from settlement.tables import UNLOGGED
from simulation.scheme.network import Network

_CUT = 0.01
_FAILS = 0.005
_SAYS = ("database or disk is full", "disk I/O error")
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_names = itertools.count()


class PowerCut(BaseException):
    """A party ends in the middle of a commit. No code of the party's may catch it."""


class Disk:
    """A database, with copies of it from before.

    Attributes:
        engine: over the newest state.
        full: nothing more can be written, until somebody makes room.
    """

    def __init__(self, network: Network, tables: MetaData, folder: Path | None = None) -> None:
        """Makes an empty database with these tables.

        Args:
            network: whose chance also says what fails here.
            tables: of the party.
            folder: for files; None for a database in memory. There nobody reads while somebody
                writes, as a wallet does.
        """
        self._network = network
        self._folder = folder
        self._unlogged = [name for name in UNLOGGED if name in tables.tables]
        self.full = False
        self.engine = self._open()
        tables.create_all(self.engine)

    def copy(self) -> Engine:
        """The database as it is now, which nobody changes any more."""
        kept = self._fresh()
        _copy(self.engine, kept)
        return kept

    def put_back(self, copy: Engine) -> None:
        """An operator restores a copy, or the disk had lied about what was written since."""
        self.engine.dispose()
        self.engine = self._open()
        _copy(copy, self.engine)

    def fail_over(self) -> None:
        """A replica takes over: what is not written ahead is empty there."""
        with self.engine.connect() as connection:
            for name in self._unlogged:
                _raw(connection).execute(f"DELETE FROM {name}")

    def _open(self) -> Engine:
        engine = self._fresh()
        event.listen(engine, "commit", self._commit)
        event.listen(engine, "before_cursor_execute", self._execute)
        return engine

    def _fresh(self) -> Engine:
        number = next(_names)
        if self._folder is not None:
            return open_engine(f"sqlite:///{self._folder}/simulated-{number}.db")
        return open_engine(f"sqlite:///file:/simulated-{number}?vfs=memdb&uri=true")

    def _execute(self, *asked: Any) -> None:
        """Before a statement, which is the third argument."""
        statement: str = asked[2].lstrip()
        if not statement.startswith(_WRITES):
            return
        if self.full:
            raise _failure(statement, _SAYS[0])
        if self._network.happens(_FAILS):
            raise _failure(statement, self._network.chance.choice(_SAYS))

    def _commit(self, connection: Connection) -> None:
        if self._network.happens(_FAILS):
            raise _failure("COMMIT", _SAYS[1])
        if not self._network.happens(_CUT):
            return
        if self._network.happens(0.5):
            _raw(connection).commit()  # written, and nobody will hear of it
        raise PowerCut


def _failure(statement: str, says: str) -> OperationalError:
    """As SQLAlchemy passes on what SQLite says."""
    return OperationalError(statement, None, sqlite3.OperationalError(says))


def _raw(connection: Connection) -> sqlite3.Connection:
    raw: Any = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _copy(source: Engine, target: Engine) -> None:
    with source.connect() as read, target.connect() as written:
        _raw(read).backup(_raw(written))
