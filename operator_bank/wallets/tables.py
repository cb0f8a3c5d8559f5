"""Tables of wallets and of what their numbers are made with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table

from operator_bank.metadata import metadata

# `customer` is nobody where it is not known whose a wallet is. What its holder has signed and shown
# lies with the customers.
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

# What wallets' numbers are made with; one row.
number_secret = Table(
    "number_secret",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary(32), nullable=False),
)
