"""Copies of a stopped bank's database, on SQLite and on PostgreSQL, and the way back to them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from sandbox.demo.environment import System

_PARTS = ("", "-wal", "-shm")


@dataclass(frozen=True)
class OlderCopy:
    """A database as it was when its service was stopped."""

    url: str
    kept: str

    def put_back(self) -> None:
        """The database is as it was then; its service must be stopped."""
        if self.url.startswith("sqlite"):
            _copy_file(Path(self.kept), Path(str(make_url(self.url).database)))
        else:
            name = str(make_url(self.url).database)
            _on_server(self.url, f'DROP DATABASE "{name}" WITH (FORCE)')
            _on_server(self.url, f'CREATE DATABASE "{name}" TEMPLATE "{self.kept}"')


def copy_of(system: System, name: str) -> OlderCopy:
    """Copies the database of a service that is stopped."""
    url = system.plan.database_url(name)
    if url.startswith("sqlite"):
        kept = system.homes / f"{name}-older.db"
        kept.parent.mkdir(parents=True, exist_ok=True)
        _copy_file(Path(str(make_url(url).database)), kept)
        return OlderCopy(url, str(kept))
    database = str(make_url(url).database)
    _on_server(url, f'CREATE DATABASE "{database}_older" TEMPLATE "{database}"')
    return OlderCopy(url, f"{database}_older")


def _copy_file(source: Path, target: Path) -> None:
    for part in _PARTS:
        Path(f"{target}{part}").unlink(missing_ok=True)
        if Path(f"{source}{part}").exists():
            shutil.copy2(f"{source}{part}", f"{target}{part}")


def _on_server(url: str, statement: str) -> None:
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()
