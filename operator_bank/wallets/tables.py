"""The table of wallets."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table

from dcep.bounds.v1.bounds_pb2 import KIND_PUBLIC_KEY, KIND_REQUEST_ID, KIND_WALLET_NUMBER
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# `customer` is null if the holder is not known. What the holder has signed and shown is kept with
# the customers.
wallets = Table(
    "wallets",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", String(greatest(KIND_WALLET_NUMBER)), nullable=False, unique=True),
    Column("public_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("wallet_class", SmallInteger, nullable=False),
    Column("customer", Integer, nullable=True),
    Column("request_id", String(greatest(KIND_REQUEST_ID)), nullable=False),
    Column("opened_time_ms", BigInteger, nullable=False),
    Index("wallets_by_request", "request_id", "public_key", unique=True),
)
