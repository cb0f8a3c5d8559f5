"""Tables of what this database lost when it was put back to an older copy."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, SmallInteger, String, Table

from dcep.bounds.v1.bounds_pb2 import KIND_PAYMENT_ID, KIND_WALLET_NUMBER
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# Which entries of the feed may speak of what this database has lost: those after `after_number` up
# to `until_number`. Two officers have the bank come back from an older copy; the incarnation is the
# number of the central bank's act for it.
come_backs = Table(
    "come_backs",
    metadata,
    Column("act", BigInteger, primary_key=True, autoincrement=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("after_number", BigInteger, nullable=False),
    Column("until_number", BigInteger, nullable=False),
)

# Money that left this bank's circulation without this database knowing, by the entry that tells it.
# `payment` is the OutboundPayment as the central bank settled it; empty for a load or a redemption.
lost_moves = Table(
    "lost_moves",
    metadata,
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    Column("purpose", SmallInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("settled_fen", BigInteger, nullable=False),
    Column("payer", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Column("payment_id", String(greatest(KIND_PAYMENT_ID)), nullable=False),
    Column("payment", LargeBinary, nullable=False),
    Index("lost_moves_by_number", "number"),
    Index("lost_moves_by_payment", "payment_id"),
)
