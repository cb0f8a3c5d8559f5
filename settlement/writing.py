"""Begins a core's writing transactions, one after another where the database has one writer.

A thread that waits for SQLite's lock only looks again now and then. Another one that lets go of the
lock and takes it again at once could shut it out for as long as it likes. So the threads of a core
queue for the lock in the order in which they came, and each holds it for a bounded piece of work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from settlement.errors import is_busy
from settlement.fifo_lock import FifoLock


class Writing:
    """Begins the writing transactions of one core.

    Attributes:
        turns: held by whoever writes. The rest of a service takes its turn along with the core, or
            it could shut it out.
    """

    def __init__(self, engine: Engine) -> None:
        # On SQLite the engine's owner begins these transactions as writers from the start.
        self._engine = engine.execution_options(writes=True)
        one_writer = engine.dialect.name == "sqlite"
        self.turns: Any = FifoLock() if one_writer else nullcontext()
        self._patient = True

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction, committed at the end and rolled back on an error.

        It waits for a lock that somebody else holds, however long that takes: what has been decided
        stays true meanwhile, and new work is refused as soon as the queue is full.
        """
        with self.turns, self._connected() as connection:
            transaction = connection.get_transaction()
            assert transaction is not None
            with transaction:
                yield connection

    @contextmanager
    def begin_lightly(self) -> Iterator[Connection]:
        """As `begin`, for what can be made again: on PostgreSQL the commit does not wait for disk.

        A crash of the server loses the rows and their position together, and both are made again.
        """
        with self.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection

    def _connected(self) -> Connection:
        """A connection in a transaction that has the lock."""
        while True:
            connection = self._engine.connect()
            try:
                connection.begin()
                return connection
            except OperationalError as error:
                connection.close()
                if not (self._patient and is_busy(error)):
                    raise
            except BaseException:
                connection.close()
                raise

    def wait_no_longer(self) -> None:
        """The service ends: from now on a lock that somebody else holds is an error."""
        self._patient = False
