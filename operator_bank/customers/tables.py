"""Tables of customers. What they say of people is sealed; no other table has a name or a number of
a telephone or a document in it, but for acts of officers: those that replace a wallet's key say
what its holder has shown them.
"""

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
)

from dcep.bounds.v1.bounds_pb2 import (
    KIND_DIGEST,
    KIND_HOLDER_NAME,
    KIND_PHONE,
    KIND_REQUEST_ID,
    KIND_SIGNATURE,
)
from operator_bank.customers.sealing import LOOKUP_BYTES
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# The holders of wallets. `sealed` is a `customers.Person`, sealed by the bank's key with the number
# `sealed_by`; `phone_key` and `document_key` are what a telephone and a document are found by.
# `holder_digest` is of the Holder, as in the order that opened the customer's wallet. `shown` is a
# `currency.proofs.Proof`. A customer of before has no digest; and, until the bank starts, 0 in
# `sealed_by` and nothing in `sealed`.
customers = Table(
    "customers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("sealed_by", SmallInteger, nullable=False),
    Column("phone_key", LargeBinary(LOOKUP_BYTES), nullable=True),
    Column("document_key", LargeBinary(LOOKUP_BYTES), nullable=True),
    Column("holder_digest", LargeBinary(greatest(KIND_DIGEST)), nullable=True),
    Column("shown", SmallInteger, nullable=False),
    Column("since_time_ms", BigInteger, nullable=False),
    Index("customers_by_phone", "phone_key"),
    Index("customers_by_document", "document_key"),
)

# Customers whose rows were not sealed yet when the database was brought up to date: the bank seals
# them when it starts, and then nothing is left here.
unsealed_customers = Table(
    "unsealed_customers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(greatest(KIND_HOLDER_NAME)), nullable=False),
    Column("phone", String(greatest(KIND_PHONE)), nullable=False),
)

# Each change of a wallet's class, by where it stands in the journal. The holder ordered it, whose
# signed order is kept here, or two officers did: their act's number. `shown` is what the holder had
# shown by then.
class_changes = Table(
    "class_changes",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("wallet", Integer, nullable=False),
    Column("wallet_class", SmallInteger, nullable=False),
    Column("shown", SmallInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("request_id", String(greatest(KIND_REQUEST_ID)), nullable=True),
    Column("order_payload", LargeBinary, nullable=True),
    Column("order_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=True),
    Column("act", BigInteger, nullable=True),
    Index("class_changes_by_wallet", "wallet", "position"),
)

# The OpenWalletOrder that opened each wallet, signed with the wallet's own key. The record that
# opened the account has its digest. `digest` here is of the Holder: it tells whether a repeated
# order asks for the same. `shown` is what the wallet's class followed from.
opening_orders = Table(
    "opening_orders",
    metadata,
    Column("wallet", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("shown", SmallInteger, nullable=False),
    Column("order_payload", LargeBinary, nullable=False),
    Column("order_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
)
