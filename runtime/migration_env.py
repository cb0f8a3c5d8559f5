"""What each service's Alembic ``env.py`` runs."""

from __future__ import annotations

from alembic import context
from sqlalchemy import MetaData

from runtime.database import open_engine


def run(metadata: MetaData) -> None:
    """Migrates the database that `runtime.database.upgrade` names."""
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
