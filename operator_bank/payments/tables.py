"""Tables of payments to other banks, of refunds, and of payments that could not be credited."""

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
    or_,
    text,
)

from dcep.bank.v1 import states_pb2
from dcep.bounds.v1.bounds_pb2 import KIND_BANK_PREFIX, KIND_PAYMENT_ID
from operator_bank.metadata import metadata
from runtime.bounds import greatest
from settlement.tables import NUMBER

# Conditions on `outbound` and `token_deposits`, worded as in their indexes: a database uses a
# partial index only for its very condition. 1 is PAYMENT_STATE_PENDING.
IS_PENDING, IS_LOAD = text("state = 1"), text("kind = 'load'")

# Every payment to another bank is here, and an index over all of them would cost half as much as
# the rows. So only those rows are indexed that are looked for other than by number. `destination`
# is the prefix of the bank that is paid; empty for a load.
outbound = Table(
    "outbound",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("destination", String(greatest(KIND_BANK_PREFIX)), nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("hold", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(
        "outbound_pending",
        "destination",
        "number",
        sqlite_where=IS_PENDING,
        postgresql_where=IS_PENDING,
    ),
    Index("outbound_loads", "account", "sequence", sqlite_where=IS_LOAD, postgresql_where=IS_LOAD),
)

# Whether what is outer-joined to `outbound` by its number was paid, or is on its way: what another
# bank, or the central bank, has refused or let expire is its payer's again.
STANDS = or_(
    outbound.c.state.is_(None),
    outbound.c.state.in_((states_pb2.PAYMENT_STATE_PENDING, states_pb2.PAYMENT_STATE_SETTLED)),
)

# Every refund: the position of its own record, which for one to another bank is its number in
# `outbound`, and the position of the record that brought the payment which it gives back.
refunds = Table(
    "refunds",
    metadata,
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("payment", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Index("refunds_by_payment", "payment"),
)

undeliverable = Table(
    "undeliverable",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("payment_id", String(greatest(KIND_PAYMENT_ID)), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("returned", SmallInteger, nullable=False),
    Index("undeliverable_by_state", "returned", "position"),
)
