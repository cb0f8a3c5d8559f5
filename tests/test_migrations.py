"""Each service's migrations go up, down and up, and make exactly the declared tables."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, column, insert, inspect, select, table, text

from dcep.registration.v1.registration_pb2 import TOKEN_VERDICT_SPENT_TWICE, OutboundPayment
from runtime.database import OtherSchema, _alembic, check_at_head, open_engine, upgrade


@pytest.mark.parametrize("service", ["central_bank", "operator_bank", "wallet"])
def test_up_down_up_without_drift(service: str, database_url: str) -> None:
    metadata = importlib.import_module(f"{service}.tables").metadata
    engine = open_engine(database_url)
    with pytest.raises(OtherSchema):
        check_at_head(engine, service)
    upgrade(database_url, service)
    made = _schema(engine)
    command.downgrade(_alembic(database_url, service), "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade(database_url, service)
    check_at_head(engine, service)
    with engine.connect() as connection:
        drift = compare_metadata(MigrationContext.configure(connection), metadata)
    assert drift == []
    assert _schema(engine) == made, "what every step made, and what a new database gets at once"
    engine.dispose()


def _schema(engine: Engine) -> dict[str, Any]:
    """Everything about each table but the order of its columns."""
    found = inspect(engine)
    schema: dict[str, Any] = {}
    for name in found.get_table_names():
        columns = {
            one["name"]: (str(one["type"]), one["nullable"], one["default"])
            for one in found.get_columns(name)
        }
        indexes = {
            one["name"]: (
                one["column_names"],
                one["unique"],
                {option: str(said) for option, said in one.get("dialect_options", {}).items()},
            )
            for one in found.get_indexes(name)
        }
        schema[name] = columns, found.get_pk_constraint(name)["constrained_columns"], indexes
    if engine.dialect.name == "sqlite":
        # Alembic copies tables and forgets that a number is never used again.
        counting = text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")
        with engine.connect() as connection:
            schema["counting"] = set(connection.execute(counting).scalars())
    return schema


def test_tables_that_are_half_made_are_not_there(tmp_path: Path, monkeypatch: Any) -> None:
    """Who is killed while a new database is made begins anew."""
    url = f"sqlite:///{tmp_path / 'one.db'}"
    with monkeypatch.context() as killed:
        killed.setattr(MigrationContext, "stamp", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            upgrade(url, "operator_bank")
    engine = open_engine(url)
    assert inspect(engine).get_table_names() == []
    upgrade(url, "operator_bank")
    check_at_head(engine, "operator_bank")
    engine.dispose()


PIECE = {
    "token_id": b"t" * 16,
    "piece_id": b"p" * 32,
    "spent_by": b"s" * 32,
    "hop": b"hop",
    "retired_fen": 7,
    "bank": 0,
    "number": 1,
    "time_ms": 2,
}
OUTBOUND = {
    "number": 1 << 40,
    "account": 1_000,
    "sequence": 3,
    "kind": "pay",
    "state": 1,
    "reason": 0,
    "hold": 5,
    "amount_fen": 7,
    "body": OutboundPayment(payee_number="6202000000000011").SerializeToString(),
}


def test_what_is_pending_goes_to_the_bank_that_it_was_for(database_url: str) -> None:
    engine, config = open_engine(database_url), _alembic(database_url, "operator_bank")
    command.upgrade(config, "0008")
    with engine.begin() as connection:
        connection.execute(insert(table("outbound", *map(column, OUTBOUND))), OUTBOUND)
    command.upgrade(config, "0009")
    with engine.connect() as connection:
        then = table("outbound", column("destination"))
        assert connection.execute(select(then)).scalar_one() == "6202"
    engine.dispose()


VERDICTS = {
    "refused_deposits": {
        "bank": 0,
        "number": 7,
        "digest": b"d" * 32,
        "reason": 29,
        "verdict": "SPENT_TWICE",
        "ruling": b"",
    },
    "token_deposits": {
        "wallet": 1,
        "sequence": 2,
        "digest": b"d" * 32,
        "order_payload": b"o",
        "order_signature": b"s" * 64,
        "own_keys": b"",
        "state": 3,
        "reason": 29,
        "verdict": "SPENT_TWICE",
        "refusal": None,
        "amount_fen": 5,
    },
}


@pytest.mark.parametrize(
    ("service", "name", "before", "after"),
    [
        ("central_bank", "refused_deposits", "0025", "0026"),
        ("operator_bank", "token_deposits", "0032", "0033"),
    ],
)
def test_verdicts_become_numbers_and_words_again(
    service: str, name: str, before: str, after: str, database_url: str
) -> None:
    engine, config = open_engine(database_url), _alembic(database_url, service)
    command.upgrade(config, before)
    row = VERDICTS[name]
    then = table(name, *map(column, row))
    with engine.begin() as connection:
        connection.execute(insert(then), row)
    for step, revision, verdict in (
        (command.upgrade, after, TOKEN_VERDICT_SPENT_TWICE),
        (command.downgrade, before, "SPENT_TWICE"),
    ):
        step(config, revision)
        with engine.connect() as connection:
            found = [dict(one._mapping) for one in connection.execute(select(then))]
        assert found == [{**row, "verdict": verdict}]
    engine.dispose()


WALLET = {
    "id": 1,
    "number": "6201000000000012",
    "public_key": b"k" * 32,
    "wallet_class": 2,
    "holder_name": "Alice",
    "phone": "",
    "request_id": "r" * 36,
    "digest": b"d" * 32,
    "opened_time_ms": 1,
}


@pytest.mark.parametrize(
    ("service", "name", "row", "before", "after"),
    [
        ("central_bank", "pieces", PIECE, "0002", "0003"),
        ("operator_bank", "outbound", OUTBOUND, "0004", "0005"),
        ("operator_bank", "wallets", WALLET, "0006", "0007"),
        ("operator_bank", "outbound", OUTBOUND, "0008", "0009"),
    ],
)
def test_rows_outlive_other_keys_and_indexes(
    service: str, name: str, row: dict[str, Any], before: str, after: str, database_url: str
) -> None:
    engine, config = open_engine(database_url), _alembic(database_url, service)
    command.upgrade(config, before)
    # With the columns of that time; later migrations may add some.
    then = table(name, *map(column, row))
    with engine.begin() as connection:
        connection.execute(insert(then), row)
    for step, revision in ((command.upgrade, after), (command.downgrade, before)):
        step(config, revision)
        with engine.connect() as connection:
            assert [dict(found._mapping) for found in connection.execute(select(then))] == [row]
    engine.dispose()


@pytest.mark.parametrize(
    ("service", "before", "name"),
    [("operator_bank", "0033", "token_deposits"), ("central_bank", "0026", "officer_acts")],
)
@pytest.mark.parametrize("counted", [[], [2, 9], [9, 2], [2, 2]])
def test_a_number_that_was_given_is_not_given_again_whatever_counters_a_copy_has_left(
    service: str, before: str, name: str, counted: list[int], tmp_path: Path
) -> None:
    """SQLite counts in a table of its own, and goes by the first of two rows."""
    url = f"sqlite:///{tmp_path / 'one.db'}"
    engine, config = open_engine(url), _alembic(url, service)
    command.upgrade(config, before)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
        for number in counted:
            connection.execute(
                text("INSERT INTO sqlite_sequence VALUES (:name, :seq)"),
                {"name": name, "seq": number},
            )
    command.upgrade(config, "head")
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": name}
        )
        assert list(found.scalars()) == [max(counted, default=0)]
    engine.dispose()
