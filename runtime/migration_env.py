"""Runs Alembic's migrations; each service's ``env.py`` calls it."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, MetaData, inspect

from runtime.database import open_engine
from runtime.fencing import FENCING_TABLE


def run(metadata: MetaData) -> None:
    """Migrates the database that Alembic's context names, by a connection or else a URL."""
    given = context.config.attributes.get("connection")
    if given is not None:
        context.configure(connection=given, target_metadata=metadata)
        _migrate(given, metadata)
        return
    engine = open_engine(context.config.attributes["url"])
    with engine.begin() as connection:
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        _migrate(connection, metadata)
    engine.dispose()


def _migrate(connection: Connection, metadata: MetaData) -> None:
    """Runs what is missing; an empty database gets the tables as they are now.

    All the steps that a schema once took would come to the same (a test compares), and cost a new
    database a second of a processor. The fence's table may be there before any other.
    """
    with context.begin_transaction():
        newest = context.get_revision_argument() == context.get_head_revision()
        if newest and not set(inspect(connection).get_table_names()) - {FENCING_TABLE}:
            metadata.create_all(connection)
            context.get_context().stamp(context.script, "head")
        else:
            context.run_migrations()
