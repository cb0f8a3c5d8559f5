"""Sessions at a PostgreSQL server, or at the primary of several, in which no wait is for nothing.

A commit that has waited for a standby and was told to wait no longer *succeeds* at the server,
with nothing but a notice. Here it fails like one whose connection was lost, because nobody knows
whether the standby has it. And a server that hangs, or that is no longer the primary but has not
closed its connections, would be waited for without end. So an engine's connections can be cut, and
what waits for them fails as if the server had closed them.

Why it is done here: https://www.postgresql.org/docs/current/warm-standby.html, "Synchronous
Replication": users will stop waiting if a cancellation is requested, and the transaction is
committed locally all the same.
"""

from __future__ import annotations

import secrets
import socket
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import psycopg
from psycopg.errors import Diagnostic
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

CONNECT_TIMEOUT_S = 3
"""How long one attempt may take, for each of the hosts that a URL names."""

UNHEARD_S = 10
"""After so long without a sign from the other machine a connection counts as lost."""

_KEEPALIVE_PAUSE_S = 3
_ALWAYS = "-c synchronous_commit=on -c client_min_messages=notice"
_WAIT_FOR_STANDBY = "SyncRepWaitForLSN"
"""The server's function from which a notice comes; the notice itself is in the server's language.
"""

_COUNT = text(
    "SELECT count(*), count(*) FILTER (WHERE wait_event = 'SyncRep') FROM pg_stat_activity"
    " WHERE application_name = :name AND state <> 'idle'"
)


def server_arguments(url: URL) -> dict[str, str | int]:
    """What is asked of each connection, unless the URL says otherwise; durability in any case.

    Of several hosts only the one is taken that can be written: the primary.
    """
    asked: dict[str, str | int] = {
        "target_session_attrs": "read-write",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": _KEEPALIVE_PAUSE_S,
        "keepalives_interval": _KEEPALIVE_PAUSE_S,
        "keepalives_count": UNHEARD_S // _KEEPALIVE_PAUSE_S,
        "tcp_user_timeout": UNHEARD_S * 1_000,
    }
    found = {name: value for name, value in asked.items() if name not in url.query}
    # These are no wishes: what is acknowledged is durable, and the notice of a wait that was given
    # up has to arrive. They come after what the URL asks for, and the last one counts.
    said = url.query.get("options", "")
    options = said if isinstance(said, str) else " ".join(said)
    return {**found, "options": f"{options} {_ALWAYS}".strip()}


def single_sessions(url: URL) -> Engine:
    """An engine whose connections are opened one by one, and whose statements commit each."""
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        hide_parameters=True,
        connect_args=server_arguments(url),
    )


class _Connection(psycopg.Connection[Any]):
    """A connection whose commit raises where the server gave up the wait for a standby."""

    _given_up = False

    def notice(self, diagnostic: Diagnostic) -> None:
        """Takes a notice of the server."""
        if diagnostic.source_function == _WAIT_FOR_STANDBY:
            self._given_up = True

    def commit(self) -> None:
        """Commits, durable at this server and at its standbys."""
        super().commit()
        if self._given_up:
            self.close()
            raise psycopg.OperationalError(
                "the server no longer waited for its standby: whether the transaction lasts "
                "is unknown"
            )


class Sessions:
    """One engine's sessions at its server: which of them wait for what. Used by many threads."""

    def __init__(self, url: URL) -> None:
        """Knows of none yet.

        Args:
            url: the database's; it may name several hosts.
        """
        self._name = f"dcep {secrets.token_hex(8)}"
        self._looking = single_sessions(url)
        self._lock = threading.Lock()
        self._sockets: WeakKeyDictionary[_Connection, _End] = WeakKeyDictionary()

    def belong_to(self, engine: Engine) -> None:
        """Takes the connections that an engine opens from now on."""
        event.listen(engine, "do_connect", self._connect)

    def waiting(self) -> tuple[int, int]:
        """Asks the primary, in a session apart, how many of these sessions have something to do.

        Returns:
            How many are in a transaction there, and how many of those wait for a standby.

        Raises:
            sqlalchemy.exc.DBAPIError: no primary answers.
        """
        with self._looking.connect() as connection, _bounded(connection):
            row = connection.execute(_COUNT, {"name": self._name}).one()
        return int(row[0]), int(row[1])

    def has_standby(self) -> bool:
        """Asks the primary whether commits wait for any standby there.

        Raises:
            sqlalchemy.exc.DBAPIError: no primary answers.
        """
        with self._looking.connect() as connection, _bounded(connection):
            return bool(connection.execute(text("SHOW synchronous_standby_names")).scalar_one())

    def cut(self) -> None:
        """Ends all connections on this side: whoever waits for one gets an error at once."""
        with self._lock:
            for end in self._sockets.values():
                end.shut()

    def _connect(self, _dialect: object, _record: object, words: Any, named: Any) -> _Connection:
        arguments: Mapping[str, Any] = {**named, "application_name": self._name}
        found = _Connection.connect(*words, **arguments)
        # Not the connection's own method: the two would hold each other.
        me = weakref.ref(found)
        found.add_notice_handler(lambda notice: _take(me(), notice))
        server = f"{found.info.host} {found.info.port}"
        with self._lock:
            for end in self._sockets.values():
                if end.server != server:
                    # Another server is the primary now. Whoever still waits for the one before may
                    # wait long: it need not have closed anything.
                    end.shut()
            self._sockets[found] = _End(server, _twin(found))
        return found


class _End(NamedTuple):
    """This side's end of a connection to a server."""

    server: str
    socket: socket.socket

    def shut(self) -> None:
        with suppress(OSError):  # the server has closed it already
            self.socket.shutdown(socket.SHUT_RDWR)


def _take(connection: _Connection | None, notice: Diagnostic) -> None:
    if connection is not None:
        connection.notice(notice)


def _twin(connection: psycopg.Connection[Any]) -> socket.socket:
    """A descriptor of its own for a connection's socket: the connection's may be closed, and its
    number used again, in the moment in which it is shut.
    """
    return socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)


@contextmanager
def _bounded(connection: Connection) -> Iterator[None]:
    """A context in which a server that hangs is waited for no longer than UNHEARD_S."""
    driver = cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)
    with _twin(driver) as end:
        timer = threading.Timer(UNHEARD_S, _End("", end).shut)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
