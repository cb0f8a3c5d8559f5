"""Alembic environment of the wallet database."""

from runtime.migration_env import run
from wallet.tables import metadata

run(metadata)
