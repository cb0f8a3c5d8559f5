"""Tables of banks' requests, and of redemptions."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from central_bank.metadata import metadata
from dcep.bounds.v1.bounds_pb2 import KIND_DIGEST, KIND_REQUEST_ID
from runtime.bounds import greatest

# Banks' requests. Officers answer one by an act, whose number is `act`, or not at all.
issuance_requests = Table(
    "issuance_requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("request_id", String(greatest(KIND_REQUEST_ID)), nullable=False),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("bank", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("act", Integer, nullable=True),
    Column("created_time_ms", BigInteger, nullable=False),
    Column("decided_time_ms", BigInteger, nullable=False),
    UniqueConstraint("bank", "request_id"),
    Index("issuance_requests_by_bank", "bank", "state", "created_time_ms"),
    sqlite_autoincrement=True,
)

# Redemptions, by the number of their act, and whether the bank has reserved the money.
redemptions = Table(
    "redemptions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("bank", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Index("redemptions_by_state", "state"),
)
