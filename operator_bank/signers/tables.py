"""Tables of wallets' lists of signers, of their keys, and of what several have signed."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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

# Each SignersOrder that took the place of a key or a list, for ever. `position` is that of its
# record in the journal, `key_number` which of the wallet's keys and lists it is, from 1 on.
# `gives_up_recovery` is what the order says, so that it is found.
signer_lists = Table(
    "signer_lists",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("number", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Column("key_number", Integer, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("gives_up_recovery", Boolean, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index("signer_lists_by_number", "number", "key_number", unique=True),
)

# Each key that is or was in a list, or was a wallet's when its first list came. `until_time_ms` is
# 0 while it is in force.
signer_keys = Table(
    "signer_keys",
    metadata,
    Column("number", String(greatest(KIND_WALLET_NUMBER)), primary_key=True),
    Column("public_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), primary_key=True),
    Column("since_time_ms", BigInteger, nullable=False),
    Column("until_time_ms", BigInteger, nullable=False),
)

# What waits for signatures of a wallet's signers, by the SHA-256 of what is signed. `kind` is
# PAYMENT, LIST or RELEASED, `place` that of whoever has prepared it, `list_number` the list that it
# was signed under. `state` is OPEN or WITHDRAWN; what was carried out is in the journal or in
# `releases`, and here no more.
pending_orders = Table(
    "pending_orders",
    metadata,
    Column("number", String(greatest(KIND_WALLET_NUMBER)), primary_key=True),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("place", SmallInteger, nullable=False),
    Column("list_number", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("created_time_ms", BigInteger, nullable=False),
    Column("expires_time_ms", BigInteger, nullable=False),
)

pending_signatures = Table(
    "pending_signatures",
    metadata,
    Column("number", String(greatest(KIND_WALLET_NUMBER)), primary_key=True),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("place", SmallInteger, primary_key=True, autoincrement=False),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
)

# The ReleaseOrders that enough have signed, by the SHA-256 of what they signed. `place` is that of
# whoever has prepared it and may send its orders, `list_number` the list that it was signed under.
# `expires_time_ms` is that of the order that can be sent for the longest. `used`: one of its orders
# was sent; such a row is kept for ever, the others for a day after their end.
releases = Table(
    "releases",
    metadata,
    Column("number", String(greatest(KIND_WALLET_NUMBER)), primary_key=True),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("list_number", Integer, nullable=False),
    Column("place", SmallInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("released_time_ms", BigInteger, nullable=False),
    Column("expires_time_ms", BigInteger, nullable=False),
    Column("used", Boolean, nullable=False),
)

release_signatures = Table(
    "release_signatures",
    metadata,
    Column("number", String(greatest(KIND_WALLET_NUMBER)), primary_key=True),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("place", SmallInteger, primary_key=True, autoincrement=False),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
)

# The orders of releases, of those that wait too: `kind` is a ReleasedKind, `order_digest` SHA-256
# of the order's bytes, `at` its place among the release's items.
released_orders = Table(
    "released_orders",
    metadata,
    Column("number", String(greatest(KIND_WALLET_NUMBER)), primary_key=True),
    Column("release_digest", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("at", SmallInteger, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, nullable=False),
    Column("order_digest", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Index("released_orders_by_digest", "number", "order_digest"),
)

# Who has signed what a record stands for, where a record of the journal has no signature or one
# is not enough: by the record's position.
signer_signatures = Table(
    "signer_signatures",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("place", SmallInteger, primary_key=True, autoincrement=False),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
)
