"""Alembic environment of the central_bank database."""

from runtime.migration_env import run
from central_bank.tables import metadata

run(metadata)
