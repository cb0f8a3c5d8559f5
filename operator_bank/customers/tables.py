"""Tables of customers. No other table of a bank has a name or a telephone number in it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table

from dcep.bounds.v1.bounds_pb2 import KIND_DIGEST, KIND_HOLDER_NAME, KIND_PHONE, KIND_SIGNATURE
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# The holders of wallets, as far as they are known; `shown` is a `customers.Proof`.
customers = Table(
    "customers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(greatest(KIND_HOLDER_NAME)), nullable=False),
    Column("phone", String(greatest(KIND_PHONE)), nullable=False),
    Column("shown", SmallInteger, nullable=False),
    Column("since_time_ms", BigInteger, nullable=False),
    Index("customers_by_phone", "phone"),
)

# The OpenWalletOrder that opened each wallet, signed with the wallet's own key: it says who the
# customer is. The record that opened the account has its digest. `digest` here tells whether a
# repeated order asks for the same.
opening_orders = Table(
    "opening_orders",
    metadata,
    Column("wallet", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("order_payload", LargeBinary, nullable=False),
    Column("order_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
)
