"""Tables of what banks signed, and of their feeds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from central_bank.metadata import metadata
from dcep.bounds.v1.bounds_pb2 import KIND_DIGEST, KIND_SIGNATURE
from dcep.registration.v1 import registration_pb2
from runtime.bounds import greatest, greatest_in
from settlement.tables import NUMBER

# What a bank signed, by the position of the first record that it made. For a batch of payments,
# `count` records from there on are its payments, in order, with the payments as their notes;
# `others` has its other payments, which were journaled before or later. If `others` is null, `head`
# is everything that was signed.
bank_batches = Table(
    "bank_batches",
    metadata,
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("bank", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("others", LargeBinary, nullable=True),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
)

# Payments that were returned, by their bank and its number, and the return of each.
returned_payments = Table(
    "returned_payments",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("by_bank", Integer, nullable=False),
    Column("by_number", BigInteger, nullable=False),
)

# One row: the name of this ledger, with which every bank's chain begins.
feed_ledger = Table(
    "feed_ledger",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column(
        "ledger", LargeBinary(greatest_in(registration_pb2.FeedPlace, "ledger")), nullable=False
    ),
)

# Some places in the banks' chains, from which the chains are built anew.
feed_marks = Table(
    "feed_marks",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("position", BigInteger, nullable=False),
)

# How far each bank has applied its feed, and where its journal ended, as the bank signed it.
feed_receipts = Table(
    "feed_receipts",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("journal_position", BigInteger, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
)

# Where the chain of a bank's officers' acts ended, as the bank signed it; kept for ever, one for
# each minute at most.
acts_told = Table(
    "acts_told",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

# Banks that were put back to an older copy of their database, by the act of two officers: where
# their feed continues, where their own officers' acts end there, and the receipt that they had
# signed for more, if any.
put_backs = Table(
    "put_backs",
    metadata,
    Column("act", BigInteger, primary_key=True, autoincrement=False),
    Column("bank", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("acts_number", BigInteger, nullable=False),
    Column("acts_hash", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)
