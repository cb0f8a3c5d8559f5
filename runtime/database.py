"""SQL databases: engines that are durable, a transaction runner, migrations."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from language import _
from runtime.limits import TRANSACTION_ATTEMPTS
from runtime.postgresql import Sessions, server_arguments
from runtime.private import private_database
from runtime.settings import SettingsError, check_database

T = TypeVar("T")
_BUSY_MS = 10_000
FIRST_PAUSE_S = 0.01
# A service may use so many connections at once; between bursts it keeps fewer, because a
# server gives out 100 unless told otherwise, and banks may share one.
_CONNECTIONS = 40
_KEPT_CONNECTIONS = 10


class OtherSchema(Exception):
    """The database has not the schema of this version; the message says what to do."""


def database_at(url: str) -> URL:
    """A database's URL in its parts.

    Raises:
        SettingsError: it is no URL, or of a kind of database that is not known.
    """
    check_database(url)
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError("the database's URL cannot be read") from None


def open_engine(url: str, sessions: Sessions | None = None) -> Engine:
    """An engine for SQLite or PostgreSQL whose commits are durable when they return.

    Args:
        url: the database's.
        sessions: shall know of the engine's connections, where it is a server's.

    Raises:
        SettingsError: the URL names neither.
    """
    parsed = database_at(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(
            parsed,
            pool_size=_KEPT_CONNECTIONS,
            max_overflow=_CONNECTIONS - _KEPT_CONNECTIONS,
            pool_pre_ping=True,
            hide_parameters=True,
            # Whatever the server's default is: the fence looks at the epoch after it has the lock.
            isolation_level="READ COMMITTED",
            connect_args=server_arguments(parsed),
        )
        (sessions or Sessions(parsed)).belong_to(engine)
        return engine
    engine = create_engine(
        parsed,
        pool_size=_CONNECTIONS // 2,
        max_overflow=_CONNECTIONS // 2,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1_000},
    )
    event.listen(engine, "connect", _set_sqlite_up)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def is_away(error: BaseException) -> bool:
    """Whether a server's database could not be reached, or the connection to it was lost.

    What was asked in that transaction has not happened, unless it was its end that was asked.
    """
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.orig, "sqlstate", "of a file")
    # Without a state it is the connection's own failure: https://www.postgresql.org/docs/current/
    # errcodes-appendix.html has class 08 for connections, and 57P for a server that stops.
    return not state or state.startswith(("08", "57P"))


def close_database(url: str) -> None:
    """Takes an SQLite database from all but its owner; makes its file where there is none.

    A server's database is the server's.

    Raises:
        SettingsError: a file's folder is not there, or it is no file.
    """
    parsed = database_at(url)
    if parsed.get_backend_name() != "sqlite":
        return
    file = Path(str(parsed.database))
    try:
        private_database(file)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise SettingsError(
            _("the database {file} cannot be opened: {why}").format(file=file, why=error.strerror)
        ) from error


def _set_sqlite_up(connection: sqlite3.Connection, _: object) -> None:
    # Autocommit at the driver: BEGIN is ours, below.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could not wait for another writer.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Database:
    """Runs transactions. A body may run twice: it must do nothing but SQL.

    Attributes:
        turns: held while one writes, where a database has one writer at a time. Whoever waits for
            SQLite's own lock only looks again now and then, and may be shut out.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.turns: AbstractContextManager[object] = nullcontext()
        self._writing = engine.execution_options(writes=True)

    def transaction(self, body: Callable[[Connection], T]) -> T:
        """Runs `body` in one write transaction; one that met another is tried again, with a cap.

        One whose connection was lost is not: whether it has happened nobody knows.
        """
        pause = FIRST_PAUSE_S
        for attempt in range(1, TRANSACTION_ATTEMPTS + 1):
            try:
                with self.turns, self._writing.begin() as connection:
                    return body(connection)
            except OperationalError as error:
                if attempt == TRANSACTION_ATTEMPTS or is_away(error):
                    raise
                time.sleep(pause)
                pause *= 2
        raise AssertionError("unreachable")

    def read(self, body: Callable[[Connection], T]) -> T:
        """Runs `body` in a transaction that only reads."""
        with self.engine.connect() as connection:
            return body(connection)


def execute_many(
    connection: Connection, statement: str, rows: Sequence[tuple[int | str | bytes, ...]]
) -> None:
    """Runs a statement with ``?`` for its values once for each row.

    For the few statements that every payment needs: the driver gets the values as they are.
    """
    connection.exec_driver_sql(_in_its_style(connection, statement), list(rows))


def of_rows(
    connection: Connection, statement: str, rows: Sequence[tuple[int | str | bytes, ...]]
) -> CursorResult[Any]:
    """Asks with a statement in which ``VALUES ?`` stands for these rows, of which there is one.

    A database looks up each in an index where it would read a whole table for a list of pairs.
    """
    row = f"({', '.join('?' * len(rows[0]))})"
    whole = statement.replace("VALUES ?", f"VALUES {', '.join([row] * len(rows))}")
    values = tuple(value for one in rows for value in one)
    return connection.exec_driver_sql(_in_its_style(connection, whole), values)


def of_values(connection: Connection, statement: str, values: Sequence[int]) -> CursorResult[Any]:
    """Runs a statement in which ``IN ?`` stands for these values, of which there is one."""
    whole = statement.replace("IN ?", f"IN ({', '.join('?' * len(values))})")
    return connection.exec_driver_sql(_in_its_style(connection, whole), tuple(values))


def _in_its_style(connection: Connection, statement: str) -> str:
    return statement if connection.dialect.paramstyle == "qmark" else statement.replace("?", "%s")


def upgrade(url: str, service: str) -> None:
    """Brings a database that nobody else writes to the newest schema."""
    engine = open_engine(url)
    try:
        migrate_database(engine, service)
    finally:
        engine.dispose()


def migrate_database(engine: Engine, service: str) -> None:
    """Brings a service's database to the newest schema (Alembic, ``upgrade head``).

    It is one transaction that writes: a fence may refuse it, and what fails leaves nothing behind.
    """
    from alembic import command

    config = _alembic("", service)
    with engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_at_head(engine: Engine, service: str) -> None:
    """Raises OtherSchema unless the database has the newest schema."""
    check_not_newer(engine, service)
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    head = ScriptDirectory.from_config(_alembic("", service)).get_current_head()
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current != head:
        raise OtherSchema(
            f"the {service} database is at {current}, not at {head}; start it with --migrate"
        )


def check_not_newer(engine: Engine, service: str) -> None:
    """Raises OtherSchema if the database has a schema that this version does not know."""
    if newer_schema(engine, service):
        raise OtherSchema(
            f"the {service} database was migrated by a newer version; start that one, or put back "
            "a backup of before"
        )


def newer_schema(engine: Engine, service: str) -> bool:
    """Whether a database has a schema that this version does not know."""
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    files = migrations_folder(service).glob("versions/*.py")
    return current is not None and current not in {file.stem.partition("_")[0] for file in files}


def migrations_folder(service: str) -> Path:
    """Where a service's migrations are."""
    return Path(__file__).resolve().parent.parent / "migrations" / service


def _alembic(url: str, service: str) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder(service)))
    config.attributes["url"] = url
    return config
