"""Alembic environment of the operator_bank database."""

from operator_bank.tables import metadata
from runtime.migration_env import run

run(metadata)
