"""Tables of wallets and of what their numbers are made with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table

from operator_bank.metadata import metadata

# The order is the OpenWalletOrder as the wallet's own key signed it; the record that opened the
# account has its digest.
wallets = Table(
    "wallets",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", String(16), nullable=False, unique=True),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("wallet_class", SmallInteger, nullable=False),
    Column("holder_name", String(64), nullable=False),
    Column("phone", String(20), nullable=False),
    Column("request_id", String(36), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("opened_time_ms", BigInteger, nullable=False),
    Column("order_payload", LargeBinary, nullable=False),
    Column("order_signature", LargeBinary(64), nullable=False),
    Index("wallets_by_request", "request_id", "public_key", unique=True),
)

# What wallets' numbers are made with; one row.
number_secret = Table(
    "number_secret",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary(32), nullable=False),
)
