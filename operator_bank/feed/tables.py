"""Tables of the feed: its place, its signed tips, doubt about it, and which payments came back."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table

from dcep.bounds.v1.bounds_pb2 import KIND_DIGEST
from dcep.registration.v1 import registration_pb2
from operator_bank.metadata import metadata
from runtime.bounds import greatest, greatest_in
from settlement.tables import NUMBER

# One row: the place that the feed has reached, written with the records of the entries up to it.
feed_place = Table(
    "feed_place",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column(
        "ledger", LargeBinary(greatest_in(registration_pb2.FeedPlace, "ledger")), nullable=False
    ),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("position", BigInteger, nullable=False),
)

# The tips that the central bank signed, one for each message: the envelope of a FeedTip. The
# entries up to each tip are the notes of the records that they became.
feed_tips = Table(
    "feed_tips",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("envelope", LargeBinary, nullable=False),
)

# One row while the bank does not know whether its database is the newest copy: where the journal
# and the chain of its officers' acts ended when it began to ask. `behind`: in which incarnation the
# central bank has said that it is an older copy; null if it has not.
feed_doubt = Table(
    "feed_doubt",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("acts_number", BigInteger, nullable=False),
    Column("acts_hash", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("behind", BigInteger),
)

# Payments of this bank that came back, each once: the payment's number, and the entry's.
returned_payments = Table(
    "returned_payments",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", BigInteger, nullable=False),
)
