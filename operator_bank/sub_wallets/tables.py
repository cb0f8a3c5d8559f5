"""The table of what was ordered about sub-wallets."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from dcep.bounds.v1.bounds_pb2 import KIND_REQUEST_ID, KIND_SIGNATURE
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# Each order about a sub-wallet that was carried out, by where it stands in the journal: the record
# that opened it, or one that gave it its limits. `wallet` is its id, `parent` that of the wallet
# whose key signed. What a sub-wallet may do is what the last order with terms says.
sub_wallet_orders = Table(
    "sub_wallet_orders",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("wallet", Integer, nullable=False),
    Column("parent", Integer, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("request_id", String(greatest(KIND_REQUEST_ID)), nullable=False),
    Column("order_payload", LargeBinary, nullable=False),
    Column("order_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Index("sub_wallet_orders_by_wallet", "wallet", "position"),
    Index("sub_wallet_orders_by_parent", "parent", "position"),
)
