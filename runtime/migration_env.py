"""Runs Alembic's migrations; each service's ``env.py`` calls it."""

from __future__ import annotations

from alembic import context
from sqlalchemy import MetaData

from runtime.database import open_engine


def run(metadata: MetaData) -> None:
    """Migrates the database that Alembic's context names, by a connection or else a URL."""
    given = context.config.attributes.get("connection")
    if given is not None:
        context.configure(connection=given, target_metadata=metadata)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = open_engine(context.config.attributes["url"])
    with engine.begin() as connection:
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
