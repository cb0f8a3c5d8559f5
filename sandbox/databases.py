"""A database for each service on one PostgreSQL server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL, make_url


def create_databases(server_url: str, services: Sequence[str]) -> dict[str, str]:
    """Make new databases on a PostgreSQL server and return each service's URL.

    Their names carry a random tag: a new stack has new keys, so it never meets the database of
    another one.
    """
    url = _driver(server_url)
    stem = url.database if url.database and url.database != "postgres" else "dcep"
    tag = secrets.token_hex(3)
    found: dict[str, str] = {}
    with _server(url) as connection:
        for service in services:
            name = f"{stem}_{tag}_{service}".replace("-", "_")
            connection.execute(text(f"CREATE DATABASE {_quoted(connection, name)}"))
            found[service] = url.set(database=name).render_as_string(hide_password=False)
    return found


def drop_databases(urls: Sequence[str]) -> None:
    """Drop databases again, for stacks that live no longer than a test; SQLite URLs are left."""
    for text_url in urls:
        url = make_url(text_url)
        if url.get_backend_name() != "postgresql" or not url.database:
            continue
        with _server(_driver(text_url)) as connection:
            name = _quoted(connection, url.database)
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def _driver(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")


@contextmanager
def _server(url: URL) -> Iterator[Connection]:
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)
