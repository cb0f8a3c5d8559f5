"""Alembic environment of the operator_bank database."""

from runtime.migration_env import run
from operator_bank.tables import metadata

run(metadata)
