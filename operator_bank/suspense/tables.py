"""The table of what lies in suspense."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, SmallInteger, String, Table

from dcep.bounds.v1.bounds_pb2 import KIND_PAYMENT_ID, KIND_WALLET_NUMBER
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# Money that lies in suspense until an officer pays it out, by the journal position that brought it
# in. `sequence` is for the next record that tries to pay it; a refused one has used its own up.
suspense = Table(
    "suspense",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("purpose", SmallInteger, nullable=False),
    Column("payment_id", String(greatest(KIND_PAYMENT_ID)), nullable=False),
    Column("wallet", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Column("payer", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("paid", SmallInteger, nullable=False),
    Column("paid_to", String(greatest(KIND_WALLET_NUMBER)), nullable=False),
    Index("suspense_by_state", "paid", "position"),
)
