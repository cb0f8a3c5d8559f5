"""Tables of the counter. Nothing in them says who somebody is."""

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
)

from dcep.bounds.v1.bounds_pb2 import KIND_OFFICER_NAME, KIND_SIGNATURE
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# Each act of two officers who saw a wallet's holder at a counter, for ever. `wallet` is a row's id;
# `shown` is the `currency.proofs.Proof` that the holder had shown then, with this.
presences = Table(
    "presences",
    metadata,
    Column("act", Integer, primary_key=True, autoincrement=False),
    Column("wallet", Integer, nullable=False),
    Column("shown", SmallInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("presences_by_wallet", "wallet"),
)

# Each look of an officer at who somebody is, as they signed it (a CustomerLook). `number` counts
# the officer's own. Those of the last 400 days are kept, and of each officer the newest one.
customer_looks = Table(
    "customer_looks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("officer", String(greatest(KIND_OFFICER_NAME)), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("customer_looks_by_officer", "officer", "number", unique=True),
    Index("customer_looks_by_time", "time_ms"),
    sqlite_autoincrement=True,
)
