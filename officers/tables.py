"""Tables of officers and their acts; each institution has them in its own database.

`officer_acts` keeps for ever what two officers signed: the bytes of proposal and decision with
their signatures, and the journal position of the record that came of it. The record's digest is the
first 8 bytes of the proposal's (little-endian, as everywhere in the journal).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
)

from dcep.bounds.v1.bounds_pb2 import (
    KIND_BANK_NAME,
    KIND_DIGEST,
    KIND_FINGERPRINT,
    KIND_OFFICER_NAME,
    KIND_PUBLIC_KEY,
    KIND_REQUEST_ID,
    KIND_SIGNATURE,
    KIND_WORD,
)
from runtime.bounds import greatest


@dataclass(frozen=True)
class OfficerTables:
    """The tables of one institution's officers."""

    founding: Table
    officers: Table
    credentials: Table
    acts: Table
    chain: Table


def officer_tables(metadata: MetaData) -> OfficerTables:
    """Adds the tables to a service's metadata."""
    founding = Table(
        "officer_founding",
        metadata,
        Column("institution", String(greatest(KIND_BANK_NAME)), primary_key=True),
        Column("payload", LargeBinary, nullable=False),
        Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
        Column("time_ms", BigInteger, nullable=False),
    )
    # `rights` has bit r for Right r. `registered_by` and `removed_by` are numbers of acts; 0 is the
    # founding, and null means that the officer is not removed.
    officers = Table(
        "officers",
        metadata,
        Column("name", String(greatest(KIND_OFFICER_NAME)), primary_key=True),
        Column("rights", BigInteger, nullable=False),
        Column("registered_by", Integer, nullable=False),
        Column("removed_by", Integer, nullable=True),
    )
    # `until_time_ms` is 0 while no end is set.
    credentials = Table(
        "officer_credentials",
        metadata,
        Column("fingerprint", String(greatest(KIND_FINGERPRINT)), primary_key=True),
        Column("signing_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), primary_key=True),
        Column("officer", String(greatest(KIND_OFFICER_NAME)), nullable=False),
        Column("registered_by", Integer, nullable=False),
        Column("from_time_ms", BigInteger, nullable=False),
        Column("until_time_ms", BigInteger, nullable=False),
    )
    acts = Table(
        "officer_acts",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("act_id", String(greatest(KIND_REQUEST_ID)), nullable=False, unique=True),
        Column("digest", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
        Column("kind", String(greatest(KIND_WORD)), nullable=False),
        Column("proposer", String(greatest(KIND_OFFICER_NAME)), nullable=False),
        Column("proposal", LargeBinary, nullable=False),
        Column("proposal_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
        Column("proposed_time_ms", BigInteger, nullable=False),
        Column("expires_time_ms", BigInteger, nullable=False),
        Column("state", SmallInteger, nullable=False),
        Column("decider", String(greatest(KIND_OFFICER_NAME)), nullable=False),
        Column("decision", LargeBinary, nullable=False),
        Column("decision_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
        Column("decided_time_ms", BigInteger, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("reason", Integer, nullable=False),
        Index("officer_acts_by_state", "state", "expires_time_ms"),
        Index("officer_acts_by_proposer", "proposer", "state"),
        sqlite_autoincrement=True,
    )
    # A link for each proposal and each end of an act; see `officers.chain`. `state` is the state
    # that the act came into.
    chain = Table(
        "officer_chain",
        metadata,
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("act", Integer, nullable=False),
        Column("state", SmallInteger, nullable=False),
        Column("hash", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    )
    return OfficerTables(founding, officers, credentials, acts, chain)
