"""Tables of what the central bank said: its keys, and its contradictions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, SmallInteger, String, Table

from dcep.bounds.v1.bounds_pb2 import KIND_DIGEST, KIND_SENTENCE
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# What the central bank announced, in order: the envelope of an Announcement.
announcements = Table(
    "announcements",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("envelope", LargeBinary, nullable=False),
)

# Statements of the central bank that contradict each other, as they came: `kept` is what was heard
# first, `shown` what came later.
contradictions = Table(
    "contradictions",
    metadata,
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("subject", SmallInteger, nullable=False),
    Column("cause", String(greatest(KIND_SENTENCE)), nullable=False),
    Column("kept", LargeBinary, nullable=False),
    Column("shown", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)
