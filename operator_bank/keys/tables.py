"""Tables of keys that were asked for, of keys that replace others, and of recovery keys."""

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
# newest of each number are kept, for some days. `recovery` is the RecoveryOrder that came with it,
# of a recovery key that does not replace the wallet's key alone any more.
key_requests = Table(
    "key_requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Column("public_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("recovery", LargeBinary, nullable=True),
    Column("recovery_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=True),
    Column("recovery_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=True),
    Index("key_requests_by_key", "number", "public_key", unique=True),
    Index("key_requests_by_time", "time_ms"),
    sqlite_autoincrement=True,
)

# Each key that has replaced a wallet's, or was to, for ever. `cause` is a KeyCause: OFFICERS have
# an `act`, and a RecoveryOrder if the recovery key agrees with them; PHRASE has a RecoveryOrder and
# ROTATION a RotateKeyOrder. `digest` is SHA-256 of what decided. `recovery_key` is the one that has
# signed. `state` is a KeyState: APPROVED until it is IN_FORCE, or never will be. `key_number` says
# which of the wallet's keys it is, from 1 on; it and `position`, of the record in the journal, are
# 0 before. `ended_time_ms` is when it came out of APPROVED. The objection is as the key before has
# signed it; `cancelled_by` is the act that has called it off.
key_replacements = Table(
    "key_replacements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cause", SmallInteger, nullable=False),
    Column("act", Integer, nullable=True),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("number", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Column("public_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("approved_time_ms", BigInteger, nullable=False),
    Column("due_time_ms", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("key_number", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("ended_time_ms", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=True),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=True),
    Column("recovery_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=True),
    Column("objection", LargeBinary, nullable=True),
    Column("objection_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=True),
    Column("cancelled_by", Integer, nullable=True),
    Index("key_replacements_by_act", "act", unique=True),
    Index("key_replacements_by_number", "number", "state"),
    Index("key_replacements_by_state", "state"),
    sqlite_autoincrement=True,
)

# Each recovery key that was named for a wallet, for ever: in the order that opened the wallet
# (`key_number` 0), or in the one that put its key with this number in force.
recovery_keys = Table(
    "recovery_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recovery_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("number", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Column("key_number", Integer, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("recovery_keys_by_key", "recovery_key", unique=True),
    Index("recovery_keys_by_number", "number", "key_number"),
    sqlite_autoincrement=True,
)
