"""Tables of wallets, and of the secret that their numbers are made with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table

from operator_bank.metadata import metadata

# `customer` is null if the holder is not known. What the holder has signed and shown is kept with
# the customers.
wallets = Table(
    "wallets",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", String(16), nullable=False, unique=True),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("wallet_class", SmallInteger, nullable=False),
    Column("customer", Integer, nullable=True),
    Column("request_id", String(36), nullable=False),
    Column("opened_time_ms", BigInteger, nullable=False),
    Index("wallets_by_request", "request_id", "public_key", unique=True),
)

# The secret that wallets' numbers are made with; one row.
number_secret = Table(
    "number_secret",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary(32), nullable=False),
)
