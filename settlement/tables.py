"""Declares the tables of a core in the metadata of the service that owns the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    event,
)

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""The type of a key that is SQLite's row id: the table itself is in its order, with no index."""

UNLOGGED = ("payments", "sealed", "postings", "balances", "projected")
"""The tables that are made from the journal, so they need no write-ahead log. They survive any end
of the services and an orderly stop of the server. After a crash of the server itself, or at a
replica that takes over, they are empty, and are made again."""

ON_POSTGRESQL = (
    # These are packed already: trying to compress them costs more than writing them.
    "ALTER TABLE journal ALTER COLUMN body SET STORAGE EXTERNAL",
    "ALTER TABLE snapshot_parts ALTER COLUMN body SET STORAGE EXTERNAL",
    "ALTER TABLE postings ALTER COLUMN keys SET STORAGE EXTERNAL",
    "ALTER TABLE postings ALTER COLUMN positions SET STORAGE EXTERNAL",
    *(f"ALTER TABLE {name} SET UNLOGGED" for name in UNLOGGED),
)


@dataclass(frozen=True)
class JournalTables:
    """The tables of a core: its journal, its snapshots and its projection."""

    journal: Table
    snapshot: Table
    snapshot_parts: Table
    payments: Table
    sealed: Table
    postings: Table
    balances: Table
    projected: Table


def _journal(metadata: MetaData) -> Table:
    """One row for each commit, in a hash chain."""
    return Table(
        "journal",
        metadata,
        Column("seq", NUMBER, primary_key=True, autoincrement=False),
        Column("first_position", BigInteger, nullable=False, unique=True),
        Column("previous_hash", LargeBinary(32), nullable=False),
        Column("hash", LargeBinary(32), nullable=False),
        Column("count", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
    )


def _snapshot(metadata: MetaData) -> Table:
    """One row for each complete snapshot."""
    return Table(
        "snapshot",
        metadata,
        Column("position", NUMBER, primary_key=True, autoincrement=False),
        Column("seq", BigInteger, nullable=False),
        Column("hash", LargeBinary(32), nullable=False),
        Column("body_hash", LargeBinary(32), nullable=False),
    )


def _snapshot_parts(metadata: MetaData) -> Table:
    """The snapshots' parts."""
    return Table(
        "snapshot_parts",
        metadata,
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("part", Integer, primary_key=True, autoincrement=False),
        Column("body", LargeBinary, nullable=False),
    )


def _payments(metadata: MetaData) -> Table:
    """One row for each record, with its answer, for queries."""
    return Table(
        "payments",
        metadata,
        Column("position", NUMBER, primary_key=True, autoincrement=False),
        Column("origin", BigInteger, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("kind", SmallInteger, nullable=False),
        Column("flags", SmallInteger, nullable=False),
        Column("purpose", Integer, nullable=False),
        Column("debit", BigInteger, nullable=False),
        Column("credit", BigInteger, nullable=False),
        Column("amount_fen", BigInteger, nullable=False),
        Column("time_ms", BigInteger, nullable=False),
        Column("expires_ms", BigInteger, nullable=False),
        Column("result", SmallInteger, nullable=False),
        Column("ref", BigInteger, nullable=False),
        Column("detail", BigInteger, nullable=False),
        Column("digest", LargeBinary(8), nullable=False),
        Column("note", LargeBinary, nullable=False),
    )


def _sealed(metadata: MetaData) -> Table:
    """One row for each complete run of the index."""
    return Table(
        "sealed",
        metadata,
        Column("first_position", NUMBER, primary_key=True, autoincrement=False),
        Column("last_position", BigInteger, nullable=False),
    )


def _postings(metadata: MetaData) -> Table:
    """The pages of the runs."""
    return Table(
        "postings",
        metadata,
        Column("kind", SmallInteger, primary_key=True, autoincrement=False),
        Column("run", BigInteger, primary_key=True, autoincrement=False),
        Column("first_key", BigInteger, primary_key=True, autoincrement=False),
        Column("first_position", BigInteger, primary_key=True, autoincrement=False),
        Column("keys", LargeBinary, nullable=False),
        Column("positions", LargeBinary, nullable=False),
    )


def _balances(metadata: MetaData) -> Table:
    """One row for each account, with its money."""
    return Table(
        "balances",
        metadata,
        Column("account", NUMBER, primary_key=True, autoincrement=False),
        Column("ledger", SmallInteger, nullable=False),
        Column("flags", SmallInteger, nullable=False),
        Column("available_fen", BigInteger, nullable=False),
        Column("held_fen", BigInteger, nullable=False),
        Column("position", BigInteger, nullable=False),
    )


def _projected(metadata: MetaData) -> Table:
    """How far `payments` and `balances` have come."""
    return Table(
        "projected",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("position", BigInteger, nullable=False),
        Column("seq", BigInteger, nullable=False),
    )


def journal_tables(metadata: MetaData) -> JournalTables:
    """Declares the tables in a service's metadata; Alembic migrates them with the service's own."""
    tables = JournalTables(
        journal=_journal(metadata),
        snapshot=_snapshot(metadata),
        snapshot_parts=_snapshot_parts(metadata),
        payments=_payments(metadata),
        sealed=_sealed(metadata),
        postings=_postings(metadata),
        balances=_balances(metadata),
        projected=_projected(metadata),
    )
    for statement in ON_POSTGRESQL:
        table = metadata.tables[statement.split()[2]]
        ddl = DDL(statement)  # type: ignore[no-untyped-call]
        event.listen(table, "after_create", ddl.execute_if(dialect="postgresql"))
    return tables
