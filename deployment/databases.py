"""Makes databases on a PostgreSQL server, and opens databases only to read.

SQLAlchemy is imported where it is used. Loading it takes as long as everything else that most
commands of `dcep` need, and those open no database.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL

from language import _


class DatabaseMissing(Exception):
    """There is no such database."""


def create_databases(server_url: str, services: Sequence[str]) -> dict[str, str]:
    """Makes new databases on a PostgreSQL server; returns each service's URL.

    Their names carry a random tag. A new stack has new keys, so it must never meet the database of
    another one.
    """
    from sqlalchemy import text

    url = driver_url(server_url)
    stem = url.database if url.database and url.database != "postgres" else "dcep"
    tag = secrets.token_hex(3)
    found: dict[str, str] = {}
    with on_server(url) as connection:
        for service in services:
            name = f"{stem}_{tag}_{service}".replace("-", "_")
            connection.execute(text(f"CREATE DATABASE {quoted(connection, name)}"))
            found[service] = url.set(database=name).render_as_string(hide_password=False)
    return found


def drop_databases(urls: Sequence[str]) -> None:
    """Drops databases of stacks that live no longer than a test; SQLite URLs are left alone."""
    from sqlalchemy import text
    from sqlalchemy.engine import make_url

    for text_url in urls:
        url = make_url(text_url)
        if url.get_backend_name() != "postgresql" or not url.database:
            continue
        with on_server(driver_url(text_url)) as connection:
            name = quoted(connection, url.database)
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def reading_engine(url: str) -> Engine:
    """An engine whose every transaction sees one state of the database and changes nothing.

    Raises DatabaseMissing.
    """
    from sqlalchemy import create_engine, event
    from sqlalchemy.engine import make_url

    from runtime.postgresql import server_arguments

    if not url.startswith("sqlite"):
        found = driver_url(url)
        return create_engine(
            found, isolation_level="REPEATABLE READ", connect_args=server_arguments(found)
        )
    path = make_url(url).database
    if not path or not Path(path).exists():
        raise DatabaseMissing(_("there is no database {path}").format(path=path))
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout=20000")
        connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def driver_url(url: str) -> URL:
    """A PostgreSQL URL with the driver that we use."""
    from sqlalchemy.engine import make_url

    return make_url(url).set(drivername="postgresql+psycopg")


@contextmanager
def on_server(url: URL) -> Iterator[Connection]:
    """A context with a connection to a URL's server, outside of its database; each statement
    commits.
    """
    from runtime.postgresql import single_sessions

    engine = single_sessions(url.set(database="postgres"))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def quoted(connection: Connection, name: str) -> str:
    """A name, quoted for a statement."""
    return connection.dialect.identifier_preparer.quote_identifier(name)
