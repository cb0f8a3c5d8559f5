"""The right to write a service's database, which one process has at a time.

A second service on the same database would decide from a state of its own, and the first would
notice only when it finds an entry in its place. So the second is refused when it starts, unless it
is told to take over. On PostgreSQL it then ends the session that has the right, and
`runtime.fencing` keeps the other process from going on. On SQLite the right is a file lock, which
lasts as long as its process, and cannot be taken over.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from runtime.database import database_at, is_away
from runtime.errors import NoAnswer
from runtime.fencing import WRITES_LOCK
from runtime.postgresql import Sessions, single_sessions
from runtime.private import PRIVATE_FILE

PATIENCE_S = 5.0
"""How long a starting service waits for the process before it to end."""

SERVER_PATIENCE_S = 30.0
"""How long a starting service waits for the database's server."""

_PAUSE_S = 0.1
_ATTEMPTS = 10
"""How many times a service that takes over ends the other one's session."""

SERVER_PAUSE_S = 0.5
_LOCK = 0x64636570
"""The number of the advisory lock. Each database has its own, so one number is enough."""


class DatabaseTaken(Exception):
    """Another process writes this database; the message says what to do."""


class DatabaseAway(Exception):
    """The database's server did not answer for a while; the message is a sentence."""


class OneWriter:
    """The right to write the database at a URL, until `release` or the end of the process."""

    def __init__(
        self,
        url: str,
        *,
        patience_s: float = PATIENCE_S,
        take_over: bool = False,
        sessions: Sessions | None = None,
    ) -> None:
        """Takes the right, and waits for a server that does not answer.

        Args:
            url: the database's.
            patience_s: how long to wait for another process to end.
            take_over: whether then to take the right from it; on PostgreSQL only.
            sessions: shall know of the session that has the right, where it is a server's.

        Raises:
            DatabaseTaken: another process still has it.
            DatabaseAway: the server did not answer for longer than SERVER_PATIENCE_S.
        """
        self._url = database_at(url)
        self._sessions = sessions
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
                # The other process, if it is alive, may take the right again when it notices.
                attempts -= 1
                self._end_holder()
            time.sleep(_PAUSE_S)

    def step(self) -> bool:
        """Checks that the right is still ours, and takes it again after the server was away.

        A step for a `runtime.worker.Worker`. Returns False: there is never more to do at once.

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
        """Waits for the server: after a restart of the machine, services may start before it."""
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
                time.sleep(SERVER_PAUSE_S)

    def _engine(self) -> Engine:
        engine = single_sessions(self._url)
        if self._sessions is not None:
            self._sessions.belong_to(engine)
        return engine

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
        """Ends the session that has the right, and those of its transactions that write.

        Its process notices, or is fenced. It may have been paused in the middle of a transaction,
        which nobody would wait for in vain: what was not committed was not acknowledged.
        """
        holders = text(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND classid = 0 AND objid IN (:right, :writes) AND objsubid = 1 AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with self._engine().connect() as connection:
            connection.execute(holders, {"right": _LOCK, "writes": WRITES_LOCK})

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
    """Whether a process may be writing a database; False means that certainly none is.

    For a database on a server it is always True.
    """
    where = database_at(url)
    if where.get_backend_name() == "postgresql":
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
    """The file beside an SQLite database whose lock is the right to write it."""
    return database.with_name(database.name + ".writer")
