"""Tables of aliases. What an alias says in clear is sealed, as what is known of customers."""

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
    text,
)

from dcep.bounds.v1.bounds_pb2 import (
    KIND_DIGEST,
    KIND_PUBLIC_KEY,
    KIND_SIGNATURE,
    KIND_WALLET_NUMBER,
)
from operator_bank.customers.sealing import LOOKUP_BYTES
from operator_bank.metadata import metadata
from runtime.bounds import greatest
from settlement.tables import NUMBER

# Worded as in their indexes: PostgreSQL uses a partial index only for its own words.
IS_LIVE = text("live = 1")
IS_TO_BE_TOLD = text("to_tell > 0")

_DIGEST = LargeBinary(greatest(KIND_DIGEST))
_SIGNATURE = LargeBinary(greatest(KIND_SIGNATURE))

# Aliases of wallets here. `sealed` is the AliasText, by the key of customers with the number
# `sealed_by`; `digest` is of it, and `label` is what the directory knows. `state` is an AliasState;
# of one label one row is `live`, which is to say not over. `to_tell` is the AliasAction that the
# directory has not heard of, 0 for none. `payload` and `signature` are the order that took it last,
# by `key`, and those at the end the order that gave it up. `asked_count` is how often it was looked
# for on `asked_day`.
aliases = Table(
    "aliases",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("wallet", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("label", _DIGEST, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("sealed_by", SmallInteger, nullable=False),
    Column("digest", _DIGEST, nullable=False),
    Column("private", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("live", SmallInteger, nullable=False),
    Column("to_tell", SmallInteger, nullable=False),
    Column("since_time_ms", BigInteger, nullable=False),
    Column("until_time_ms", BigInteger, nullable=False),
    Column("asked_day", Integer, nullable=False),
    Column("asked_count", Integer, nullable=False),
    Column("key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", _SIGNATURE, nullable=False),
    Column("end_payload", LargeBinary, nullable=False),
    Column("end_signature", _SIGNATURE, nullable=False),
    Index("aliases_by_label", "label", unique=True, sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
    Index("aliases_by_wallet", "wallet", "number"),
    Index(
        "aliases_to_tell",
        "number",
        sqlite_where=IS_TO_BE_TOLD,
        postgresql_where=IS_TO_BE_TOLD,
    ),
)

# How many aliases a holder has looked for on their newest day. A holder is a telephone, by what it
# is found by, or else a wallet.
alias_lookups = Table(
    "alias_lookups",
    metadata,
    Column("holder", LargeBinary(LOOKUP_BYTES), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("lookups", Integer, nullable=False),
)
