"""Each service's migrations go up, down and up, and make exactly the declared tables."""

from __future__ import annotations

import importlib

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select

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


def test_pieces_outlive_another_key(database_url: str) -> None:
    engine, config = open_engine(database_url), _alembic(database_url, "central_bank")
    command.upgrade(config, "0002")
    pieces = importlib.import_module("central_bank.tables").pieces
    row = {
        "token_id": b"t" * 16,
        "piece_id": b"p" * 32,
        "spent_by": b"s" * 32,
        "hop": b"hop",
        "retired_fen": 7,
        "bank": 0,
        "number": 1,
        "time_ms": 2,
    }
    with engine.begin() as connection:
        connection.execute(insert(pieces), row)
    for step, revision in ((command.upgrade, "0003"), (command.downgrade, "0002")):
        step(config, revision)
        with engine.connect() as connection:
            assert [dict(found._mapping) for found in connection.execute(select(pieces))] == [row]
    engine.dispose()
