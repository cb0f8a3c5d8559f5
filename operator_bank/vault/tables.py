"""The table of the bank's own request for issuance."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, SmallInteger, String, Table

from dcep.bounds.v1.bounds_pb2 import KIND_REQUEST_ID
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# The issuance that the bank has asked for by itself and that nobody has decided: at most one row.
drawing = Table(
    "drawing",
    metadata,
    Column("request_id", String(greatest(KIND_REQUEST_ID)), primary_key=True),
    Column("amount_fen", BigInteger, nullable=False),
    Column("sent", SmallInteger, nullable=False),
)
