"""Tables of devices, of deposits of tokens, and of the trust bundle."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, Table

from dcep.bounds.v1.bounds_pb2 import (
    KIND_DIGEST,
    KIND_PUBLIC_KEY,
    KIND_REVOCATION,
    KIND_SIGNATURE,
)
from operator_bank.metadata import metadata
from operator_bank.payments.tables import IS_PENDING
from runtime.bounds import greatest

# A wallet's device has a key for each load. `live_until_ms` is how long tokens of the key may be
# good. `revocation` is what a trust bundle lists if the key is revoked, made from this bank's name
# and the key. `revoked_time_ms` is when the bank learned or reported that it is revoked. Rows long
# past both are deleted, but for one revoked key of each wallet, which bars the wallet.
# `blocking_act` is the number of the act for which the central bank is asked to revoke the key. The
# order is the CertifyDeviceOrder for which the certificate was made, as its holder signed it.
devices = Table(
    "devices",
    metadata,
    Column("device_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), primary_key=True),
    Column("revocation", LargeBinary(greatest(KIND_REVOCATION)), nullable=False),
    Column("wallet", Integer, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("order_payload", LargeBinary, nullable=False),
    Column("order_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Column("live_until_ms", BigInteger, nullable=False),
    Column("revoked_time_ms", BigInteger, nullable=True),
    Column("blocking_act", BigInteger, nullable=True),
    Index("devices_by_wallet", "wallet"),
    Index("devices_by_their_revocation", "revocation"),
    Index("devices_by_revocation", "revoked_time_ms", "live_until_ms"),
)

# The order is the DepositOrder, with the pieces in it, as its holder signed it. `own_keys` are the
# wallet's own devices among those that endorsed the pieces, 32 bytes each. `refusal` is the
# envelope of the central bank's DepositRefusal, if there is one.
token_deposits = Table(
    "token_deposits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("wallet", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("order_payload", LargeBinary, nullable=False),
    Column("order_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Column("own_keys", LargeBinary, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("verdict", SmallInteger, nullable=False),
    Column("refusal", LargeBinary, nullable=True),
    Column("amount_fen", BigInteger, nullable=False),
    Index("token_deposits_by_order", "wallet", "sequence", unique=True),
    Index("token_deposits_by_content", "wallet", "digest"),
    Index("token_deposits_pending", "id", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
    Index(
        "token_deposits_pending_of",
        "wallet",
        sqlite_where=IS_PENDING,
        postgresql_where=IS_PENDING,
    ),
    sqlite_autoincrement=True,
)

# One row: the newest trust bundle that was seen, after the root's key, as devices take it.
trust_bundle = Table(
    "trust_bundle",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("bundle", LargeBinary, nullable=False),
)

# Roots of offline money that succeeded another, by the bundles that were kept.
root_successions = Table(
    "root_successions",
    metadata,
    Column("successor", LargeBinary(greatest(KIND_PUBLIC_KEY)), primary_key=True),
    Column("predecessor", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)
