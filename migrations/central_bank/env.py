"""Alembic environment of the central_bank database."""

from central_bank.tables import metadata
from runtime.migration_env import run

run(metadata)
