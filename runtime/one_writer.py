"""The right to write a service's database, which one process has at a time.

A second service on the same database would decide from a state of its own, and the first would
learn of it by an entry that is there already. So the second is refused at its start, unless it is
told to take over: on PostgreSQL it ends the session that has the right, and `runtime.fencing` keeps
the other one from going on. On SQLite the right is a lock that lasts as long as its process.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
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
_ATTEMPTS = 10
"""Times that the session of somebody else is ended by who takes over."""

_SERVER_PAUSE_S = 0.5
_LOCK = 0x64636570
"""An advisory lock is its database's own, so that one number serves all."""


class DatabaseTaken(Exception):
    """Another process writes this database; the message says what to do."""


class DatabaseAway(Exception):
    """The database's server did not answer for a while; the message is a sentence."""


class OneWriter:
    """The right to write the database at a URL, until `release` or the end of the process."""

    def __init__(
        self, url: str, *, patience_s: float = PATIENCE_S, take_over: bool = False
    ) -> None:
        """Takes the right; a server that does not answer is waited for.

        Args:
            url: of the database.
            patience_s: how long another process is waited for.
            take_over: whether the right is then taken from it, where that can be done.

        Raises:
            DatabaseTaken: another process has it for longer.
            DatabaseAway: the server did not answer for longer than SERVER_PATIENCE_S.
        """
        self._url = make_url(url)
        self._descriptor: int | None = None
        self._connection: Connection | None = None
        self._await_server()
        can_take_over = take_over and self._url.get_backend_name() == "postgresql"
        attempts = _ATTEMPTS if can_take_over else 0
        ends_at = time.monotonic() + patience_s
        while not self._take():
            if time.monotonic() >= ends_at:
                if not attempts:
                    raise self._taken()
                # One that is alive after all takes the right again when it sees that it is gone.
                attempts -= 1
                self._end_holder()
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
            raise self._taken()
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
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor
        return True

    def _take_on_server(self) -> bool:
        connection = self._engine().connect()
        if connection.execute(text("SELECT pg_try_advisory_lock(:id)"), {"id": _LOCK}).scalar_one():
            self._connection = connection
            return True
        connection.close()
        return False

    def _end_holder(self) -> None:
        """Ends the session that has the right; its process learns of it, or is fenced."""
        holders = text(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND classid = 0 AND objid = :id AND objsubid = 1 AND granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with self._engine().connect() as connection:
            connection.execute(holders, {"id": _LOCK})

    def _taken(self) -> DatabaseTaken:
        where = self._url.render_as_string(hide_password=True)
        if self._url.get_backend_name() == "postgresql":
            return DatabaseTaken(
                f"another service writes the database {where}; stop it first, or give this one a "
                "database of its own. One that cannot be reached is taken over from with "
                "--take-over"
            )
        holder = _beside(Path(str(self._url.database))).read_text().strip()
        return DatabaseTaken(
            f"another service writes the database {where}: process {holder or 'unknown'}; stop it "
            "first, or give this one a database of its own"
        )


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
