"""Each service's migrations go up, down and up, and make exactly the declared tables."""

from __future__ import annotations

import importlib

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from runtime.database import SchemaBehind, _alembic, check_at_head, open_engine, upgrade


@pytest.mark.parametrize("service", ["central_bank", "operator_bank", "wallet"])
def test_up_down_up_without_drift(service: str, database_url: str) -> None:
    metadata = importlib.import_module(f"{service}.tables").metadata
    engine = open_engine(database_url)
    with pytest.raises(SchemaBehind):
        check_at_head(engine, service)
    upgrade(database_url, service)
    command.downgrade(_alembic(database_url, service), "base")
    upgrade(database_url, service)
    check_at_head(engine, service)
    with engine.connect() as connection:
        drift = compare_metadata(MigrationContext.configure(connection), metadata)
    assert drift == []
    engine.dispose()
