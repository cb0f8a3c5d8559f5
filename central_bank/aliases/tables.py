"""Tables of the directory of aliases."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, text

from central_bank.metadata import metadata
from dcep.bounds.v1.bounds_pb2 import KIND_DIGEST, KIND_SIGNATURE
from runtime.bounds import greatest

# Worded as in its index: PostgreSQL uses a partial index only for its own words.
IS_CLAIMED = text("claim_bank >= 0")

# Which bank has a label, with the AliasChange by which it has it, as it was signed. A claim of
# another bank stands beside it until it ends; `claim_bank` is -1 for none. No claim is taken before
# `quiet_until_ms`, because the last one was answered.
alias_directory = Table(
    "alias_directory",
    metadata,
    Column("label", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("bank", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Column("quiet_until_ms", BigInteger, nullable=False),
    Column("claim_bank", Integer, nullable=False),
    Column("claim_until_ms", BigInteger, nullable=False),
    Column("claim_payload", LargeBinary, nullable=False),
    Column("claim_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Index("alias_directory_by_bank", "bank", "label"),
    Index(
        "alias_directory_claims",
        "claim_bank",
        sqlite_where=IS_CLAIMED,
        postgresql_where=IS_CLAIMED,
    ),
)

# What each bank has used up: the last number that it has signed; of its newest day, in days since
# 1970 in UTC, how many labels it had when that began, its changes, and its questions.
alias_budgets = Table(
    "alias_budgets",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("lookups", Integer, nullable=False),
)
