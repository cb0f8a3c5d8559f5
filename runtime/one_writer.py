"""The right to write a service's database, which one process has at a time.

A second service on the same database would decide from a state of its own, and the first would
learn of it by an entry that is there already. So the second is refused at its start.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from runtime.database import is_away
from runtime.errors import NoAnswer
from runtime.private import PRIVATE_FILE

PATIENCE_S = 5.0
"""How long a start waits for the process before it to be gone."""

SERVER_PATIENCE_S = 30.0
"""How long a start waits for the database's server."""

_PAUSE_S = 0.1
_SERVER_PAUSE_S = 0.5
_LOCK = 0x64636570
"""An advisory lock is its database's own, so that one number serves all."""


class DatabaseTaken(Exception):
    """Another process writes this database; the message says what to do."""


class DatabaseAway(Exception):
    """The database's server did not answer for a while; the message is a sentence."""


class OneWriter:
    """The right to write the database at a URL, until `release` or the end of the process."""

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S) -> None:
        """Takes the right; a server that does not answer is waited for.

        Raises:
            DatabaseTaken: another process has it for longer.
            DatabaseAway: the server did not answer for longer than SERVER_PATIENCE_S.
        """
        self._url = make_url(url)
        self._descriptor: int | None = None
        self._connection: Connection | None = None
        self._await_server()
        ends_at = time.monotonic() + patience_s
        while not self._take():
            if time.monotonic() >= ends_at:
                raise _taken(self._url)
            time.sleep(_PAUSE_S)

    def step(self) -> bool:
        """Looks whether the right is still there, and takes it again after the server was away.

        Raises:
            NoAnswer: the server does not answer.
            DatabaseTaken: another process has taken it meanwhile.
        """
        if self._url.get_backend_name() != "postgresql":
            return False  # a file's lock is the process's own until its end
        if self._connection is not None:
            try:
                self._connection.execute(text("SELECT 1"))
                return False
            except DBAPIError:
                self._connection.invalidate()
                self._connection.close()
                self._connection = None
        try:
            taken = self._take()
        except DBAPIError as error:
            raise NoAnswer("the database does not answer") from error
        if not taken:
            raise _taken(self._url)
        return False

    def _await_server(self) -> None:
        """After a restart of the machine, services may be there before their database is."""
        if self._url.get_backend_name() != "postgresql":
            return
        ends_at = time.monotonic() + SERVER_PATIENCE_S
        while True:
            try:
                with self._engine().connect():
                    return
            except DBAPIError as error:
                if not is_away(error) or time.monotonic() >= ends_at:
                    why = str(error.orig).strip().partition("\n")[0]
                    raise DatabaseAway(f"the database does not answer: {why}") from error
                time.sleep(_SERVER_PAUSE_S)

    def _engine(self) -> Engine:
        return create_engine(
            self._url.set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
            hide_parameters=True,
        )

    def release(self) -> None:
        """Gives the right back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if self._connection is not None:
            self._connection.close()

    def _take(self) -> bool:
        if self._url.get_backend_name() == "postgresql":
            return self._take_on_server()
        if self._url.database in (None, "", ":memory:"):
            return True  # nobody else can reach it
        return self._take_file(Path(str(self._url.database)))

    def _take_file(self, database: Path) -> bool:
        descriptor = os.open(_beside(database), os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def _take_on_server(self) -> bool:
        connection = self._engine().connect()
        if connection.execute(text("SELECT pg_try_advisory_lock(:id)"), {"id": _LOCK}).scalar_one():
            self._connection = connection
            return True
        connection.close()
        return False


def may_be_written(url: str) -> bool:
    """Whether a process may have the right to write a database; surely not when False.

    Of a database on a server it is not asked.
    """
    where = make_url(url)
    if where.get_backend_name() == "postgresql" or where.database in (None, "", ":memory:"):
        return True
    try:
        descriptor = os.open(_beside(Path(str(where.database))), os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _beside(database: Path) -> Path:
    """The file whose lock is the right."""
    return database.with_name(database.name + ".writer")


def _taken(url: URL) -> DatabaseTaken:
    return DatabaseTaken(
        f"another service writes the database {url.render_as_string(hide_password=True)}; "
        "stop it first, or give this one a database of its own"
    )
