"""Tables of sub-wallets: what was ordered about them, and what was paid by mandates."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    text,
)

from dcep.bounds.v1.bounds_pb2 import (
    KIND_PUBLIC_KEY,
    KIND_REQUEST_ID,
    KIND_REQUEST_TO_PAY,
    KIND_SIGNATURE,
)
from operator_bank.metadata import metadata
from runtime.bounds import greatest
from settlement.tables import NUMBER

# Worded as in its index; see `operator_bank.payments.tables`.
IS_WAITING = text("state = 1")

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

# Each try to pay a request by a mandate: when the request came, when its asker reminded, and when
# the mandate's holder allowed it, by an order and a key that stand beside it then. `account` is the
# mandate's. `state` is one of `tries`; what was paid has its place in the journal, and the month
# that it counts in.
mandate_tries = Table(
    "mandate_tries",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("request", String(greatest(KIND_REQUEST_TO_PAY)), nullable=False),
    Column("account", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("month", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("allowed", SmallInteger, nullable=False),
    Column("allow_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("allow_payload", LargeBinary, nullable=False),
    Column("allow_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Index("mandate_tries_by_request", "request", "number"),
    Index("mandate_tries_by_month", "account", "month"),
    Index(
        "mandate_tries_waiting",
        "number",
        sqlite_where=IS_WAITING,
        postgresql_where=IS_WAITING,
    ),
)
