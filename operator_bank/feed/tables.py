"""Tables of the feed: its place, what was signed of it, and what came back."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table

from operator_bank.metadata import metadata
from settlement.tables import NUMBER

# One row: where the feed stands. It is written with the records of the entries that lead there.
feed_place = Table(
    "feed_place",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("ledger", LargeBinary(16), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("position", BigInteger, nullable=False),
)

# What the central bank signed of the feed, a row a message: the envelope of the FeedTip. The
# entries up to each are the notes of the records that they became.
feed_tips = Table(
    "feed_tips",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("envelope", LargeBinary, nullable=False),
)

# Payments of this bank's that came back, each once: the number of the payment, and of the entry.
returned_payments = Table(
    "returned_payments",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", BigInteger, nullable=False),
)
