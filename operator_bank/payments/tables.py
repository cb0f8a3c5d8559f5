"""Tables of payments to other banks, and of those that came and could not be taken."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    text,
)

from operator_bank.metadata import metadata
from settlement.tables import NUMBER

# Of `outbound` and `token_deposits`, in the words of their indexes: a database finds one only by
# the condition it has. 1 is PAYMENT_STATE_PENDING.
IS_PENDING, IS_LOAD = text("state = 1"), text("kind = 'load'")

# Every payment to another bank is here, and an index that each of them stood in would cost half as
# much as its row. So only those stand in one that are looked for other than by number.
# `destination` is the prefix of the bank that is paid; empty for a load.
outbound = Table(
    "outbound",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("destination", String(4), nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("hold", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(
        "outbound_pending",
        "destination",
        "number",
        sqlite_where=IS_PENDING,
        postgresql_where=IS_PENDING,
    ),
    Index("outbound_loads", "account", "sequence", sqlite_where=IS_LOAD, postgresql_where=IS_LOAD),
)

undeliverable = Table(
    "undeliverable",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("payment_id", String(80), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("returned", SmallInteger, nullable=False),
    Index("undeliverable_by_state", "returned", "position"),
)
