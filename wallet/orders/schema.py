"""Opens the wallet's database at the newest schema; imports Alembic only if it is not."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from runtime.database import Database, close_database, open_engine, upgrade

HEAD = "0009"
"""The newest migration; a test compares it with migrations/wallet."""

SERVICE = "wallet"


def open_database(url: str) -> Database:
    """Opens the database at `url`, and migrates it if necessary."""
    close_database(url)
    engine = open_engine(url)
    database = Database(engine)
    if _revision(database) != HEAD:
        upgrade(url, SERVICE)
    return database


def _revision(database: Database) -> str | None:
    query = text("select version_num from alembic_version")
    try:
        return database.read(lambda connection: connection.execute(query).scalar_one_or_none())
    except (OperationalError, ProgrammingError):
        return None  # an empty database; an unusable one fails again in the upgrade
