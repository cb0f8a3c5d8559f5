"""Copies PostgreSQL databases with its own tools, pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from psycopg.conninfo import make_conninfo
from sqlalchemy import text
from sqlalchemy.engine import make_url

from deployment.databases import driver_url, on_server, quoted
from language import _
from sandbox.backup.refused import BackupRefused

_FORMAT = "--format=custom"
_MAX_NAME = 63


@contextmanager
def dumped(url: str, snapshot: str) -> Iterator[IO[bytes]]:
    """A stream of what pg_dump writes of a database as of an exported snapshot.

    Raises:
        BackupRefused: pg_dump is missing or fails.
    """
    words = [_tool("pg_dump"), _FORMAT, "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    with _running([*words, "--dbname", _without_password(url)], url) as process:
        assert process.stdout is not None
        yield process.stdout


def load(url: str, pieces: Iterable[bytes]) -> None:
    """Fills an empty database from what pg_dump wrote, in one transaction.

    Raises:
        BackupRefused: pg_restore is missing or fails.
    """
    words = [_tool("pg_restore"), _FORMAT, "--exit-on-error", "--single-transaction", "--no-owner"]
    words += ["--no-privileges", "--dbname", _without_password(url)]
    with _running(words, url) as process:
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, and says why
            for piece in pieces:
                process.stdin.write(piece)
            process.stdin.close()


def create(url: str) -> None:
    """Makes an empty database; one with its name, left by an unfinished restore, is dropped."""
    name = str(make_url(url).database)
    with on_server(driver_url(url)) as connection:
        wanted = quoted(connection, name)
        connection.execute(text(f"DROP DATABASE IF EXISTS {wanted}"))
        connection.execute(text(f"CREATE DATABASE {wanted}"))


def exists(url: str) -> bool:
    """Whether the server has this database."""
    with on_server(driver_url(url)) as connection:
        query = text("SELECT 1 FROM pg_database WHERE datname = :name")
        return connection.execute(query, {"name": make_url(url).database}).scalar() is not None


def drop(url: str) -> None:
    """Drops a database, if it exists."""
    with on_server(driver_url(url)) as connection:
        name = quoted(connection, str(make_url(url).database))
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))


def rename(url: str, *pairs: tuple[str, str]) -> None:
    """Renames databases of a server, all or none.

    Args:
        url: of a database on the server.
        pairs: (old name, new name), in order.

    Raises:
        BackupRefused: a database cannot be renamed, mostly because it is in use.
    """
    with on_server(driver_url(url)) as connection:
        statements = [
            f"ALTER DATABASE {quoted(connection, before)} RENAME TO {quoted(connection, after)}"
            for before, after in pairs
        ]
        connection.execute(text("BEGIN"))
        try:
            for statement in statements:
                connection.execute(text(statement))
        except Exception as cause:
            connection.execute(text("ROLLBACK"))
            said = str(getattr(cause, "orig", cause)).splitlines()[0]
            raise BackupRefused(
                "DATABASE_IN_USE", _("the database: {said}").format(said=said)
            ) from cause
        connection.execute(text("COMMIT"))


def beside(url: str, end: str) -> str:
    """The URL of a database on the same server, named like this one with an end added."""
    name = str(make_url(url).database)
    fits = name[: _MAX_NAME - len(end)] + end
    return driver_url(url).set(database=fits).render_as_string(hide_password=False)


@contextmanager
def _running(words: list[str], url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs one of PostgreSQL's tools; raises BackupRefused with its error when it fails."""
    password = make_url(url).password
    secret = {"PGPASSWORD": str(password)} if password else {}
    loads = words[0].endswith("pg_restore")
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE if loads else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if loads else subprocess.PIPE,
            stderr=said,
            env={**os.environ, **secret},
        )
        try:
            yield process
            code = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            _close(process)
        if code:
            said.seek(0)
            lines = said.read(10_000).decode(errors="replace").strip().splitlines()
            raise BackupRefused(
                "TOOL_FAILED", "; ".join(lines[:3]) or _("it ended with {code}").format(code=code)
            )


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in filter(None, (process.stdin, process.stdout)):
        with suppress(BrokenPipeError):
            pipe.close()


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BackupRefused(
            "TOOL_MISSING",
            _(
                "{name} is not here; it comes with PostgreSQL's client programs, which have to "
                "be as new as the server"
            ).format(name=name),
        )
    return found


def _without_password(url: str) -> str:
    """What a tool connects to, for its command line, which everybody on this machine can see.

    The URL itself would not do: the tools write several hosts in another way.
    """
    parsed = driver_url(url).set(password=None)
    positional, named = parsed.get_dialect()().create_connect_args(parsed)
    assert not positional
    primary = {"target_session_attrs": "read-write"}
    return make_conninfo(**{**primary, **named})
