"""Tables of keys that were asked for, and of keys that replace others."""

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

from dcep.bounds.v1.bounds_pb2 import (
    KIND_DIGEST,
    KIND_PUBLIC_KEY,
    KIND_SIGNATURE,
    KIND_WALLET_NUMBER,
)
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# KeyRequests as their new keys have signed them, for numbers of which some are no wallet's. The
# newest of each number are kept, for some days.
key_requests = Table(
    "key_requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Column("public_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("key_requests_by_key", "number", "public_key", unique=True),
    Index("key_requests_by_time", "time_ms"),
    sqlite_autoincrement=True,
)

# Each act of two officers that replaces a wallet's key, for ever. `state` is a KeyState: APPROVED
# until it is IN_FORCE, OBJECTED or REFUSED. `key_number` says which of the wallet's keys it is,
# from 1 on; it and `position`, of the record in the journal, are 0 before. `ended_time_ms` is when
# it came out of APPROVED. The objection is as the key before has signed it.
key_replacements = Table(
    "key_replacements",
    metadata,
    Column("act", Integer, primary_key=True, autoincrement=False),
    Column("act_digest", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("number", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Column("public_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("approved_time_ms", BigInteger, nullable=False),
    Column("due_time_ms", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("key_number", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("ended_time_ms", BigInteger, nullable=False),
    Column("objection", LargeBinary, nullable=True),
    Column("objection_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=True),
    Index("key_replacements_by_number", "number", "state"),
    Index("key_replacements_by_state", "state"),
)
