"""Tables of what banks signed and of what they are told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from central_bank.metadata import metadata
from settlement.tables import NUMBER

# What a bank signed, by the first journal position that it moved anything at. `count` records from
# there on are of a batch of payments, in order, and their notes are in it; `others` are the
# payments in it that are not, be it that they were settled before, or that they were later.
# Without `others`, `head` is all that was signed.
bank_batches = Table(
    "bank_batches",
    metadata,
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("bank", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("others", LargeBinary, nullable=True),
    Column("signature", LargeBinary(64), nullable=False),
)

# Payments that were given back, by their bank and its number, and by which return.
returned_payments = Table(
    "returned_payments",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("by_bank", Integer, nullable=False),
    Column("by_number", BigInteger, nullable=False),
)

# One row: the name of this ledger, which begins every bank's chain.
feed_ledger = Table(
    "feed_ledger",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("ledger", LargeBinary(16), nullable=False),
)

# Places in the banks' chains, now and then, from which they are made anew.
feed_marks = Table(
    "feed_marks",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("position", BigInteger, nullable=False),
)

# How far each bank has applied its feed, and where its journal ended, as it signed it.
feed_receipts = Table(
    "feed_receipts",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("journal_position", BigInteger, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
)

# Where the chain of a bank's officers' acts ended, as it signed: for ever, at most one a minute.
acts_told = Table(
    "acts_told",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

# Banks that were put back to an older copy of their database, by the act of two officers; where
# their feed begins again, where their own officers' acts ended there, and the receipt for more that
# there was, if any.
put_backs = Table(
    "put_backs",
    metadata,
    Column("act", BigInteger, primary_key=True, autoincrement=False),
    Column("bank", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("acts_number", BigInteger, nullable=False),
    Column("acts_hash", LargeBinary(32), nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)
