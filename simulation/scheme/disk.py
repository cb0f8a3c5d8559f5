"""One party's disk: a database that outlives what runs over it, and that fails at a commit."""

from __future__ import annotations

import itertools
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, event

from runtime.database import open_engine
from simulation.scheme.network import Network

_CUT = 0.01
_names = itertools.count()


class PowerCut(BaseException):
    """A party ends in the middle of a commit. No code of the party's may catch it."""


class Disk:
    """A database in memory, with copies of it from before.

    Attributes:
        engine: over the newest state.
    """

    def __init__(self, network: Network, tables: MetaData) -> None:
        """Makes an empty database with these tables; the network's chance also says what fails
        here.
        """
        self._network = network
        self.engine = self._open()
        tables.create_all(self.engine)

    def copy(self) -> Engine:
        """The database as it is now, which nobody changes any more."""
        kept = _fresh()
        _copy(self.engine, kept)
        return kept

    def put_back(self, copy: Engine) -> None:
        """An operator restores a copy, or the disk had lied about what was written since."""
        self.engine.dispose()
        self.engine = self._open()
        _copy(copy, self.engine)

    def _open(self) -> Engine:
        engine = _fresh()
        event.listen(engine, "commit", self._commit)
        return engine

    def _commit(self, connection: Connection) -> None:
        if not self._network.happens(_CUT):
            return
        if self._network.happens(0.5):
            _raw(connection).commit()  # written, and nobody will hear of it
        raise PowerCut


def _fresh() -> Engine:
    return open_engine(f"sqlite:///file:/simulated-{next(_names)}?vfs=memdb&uri=true")


def _raw(connection: Connection) -> SqliteConnection:
    raw: Any = connection.connection.driver_connection
    assert isinstance(raw, SqliteConnection)
    return raw


def _copy(source: Engine, target: Engine) -> None:
    with source.connect() as read, target.connect() as written:
        _raw(read).backup(_raw(written))
