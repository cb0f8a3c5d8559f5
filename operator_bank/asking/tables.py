"""Tables of requests to pay: what was asked and paid, and whom wallets do not hear."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, SmallInteger, String, Table, text

from dcep.bounds.v1.bounds_pb2 import (
    KIND_BANK_PREFIX,
    KIND_PUBLIC_KEY,
    KIND_REQUEST_TO_PAY,
    KIND_SIGNATURE,
    KIND_WALLET_NUMBER,
)
from operator_bank.metadata import metadata
from runtime.bounds import greatest
from settlement.tables import NUMBER

# Worded as in its index; see `operator_bank.payments.tables`.
IS_TO_BE_TOLD = text("to_tell = 1")

_WALLET = String(greatest(KIND_WALLET_NUMBER))

# The requests that wallets here have made or are asked. `other` is the prefix of the other bank,
# empty for a request between two wallets here; `shown` says whether its payer, a wallet here, sees
# it. `key` is its asker's. The newest change of it by an order stands beside it, and `to_tell` says
# that the other bank has not heard of the request or of that change.
asked = Table(
    "asked",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("id", String(greatest(KIND_REQUEST_TO_PAY)), nullable=False),
    Column("asker", _WALLET, nullable=False),
    Column("payer", _WALLET, nullable=False),
    Column("other", String(greatest(KIND_BANK_PREFIX)), nullable=False),
    Column("shown", SmallInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("partial", SmallInteger, nullable=False),
    Column("due_time_ms", BigInteger, nullable=False),
    Column("received_time_ms", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reminders", SmallInteger, nullable=False),
    Column("reminded_time_ms", BigInteger, nullable=False),
    Column("key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Column("change_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
    Column("change_payload", LargeBinary, nullable=False),
    Column("change_signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
    Column("to_tell", SmallInteger, nullable=False),
    Index("asked_by_id", "id", unique=True),
    Index("asked_by_asker", "asker", "received_time_ms"),
    Index("asked_by_payer", "payer", "received_time_ms"),
    Index("asked_by_bank", "other", "received_time_ms"),
    Index(
        "asked_to_tell",
        "other",
        "number",
        sqlite_where=IS_TO_BE_TOLD,
        postgresql_where=IS_TO_BE_TOLD,
    ),
)

# Every payment that answers a request: the position of its own record, which for one to another
# bank is its number in `outbound`, and the request.
asked_payments = Table(
    "asked_payments",
    metadata,
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("request", String(greatest(KIND_REQUEST_TO_PAY)), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Index("asked_payments_by_request", "request"),
)

# The newest order of a wallet about an asker; an asker of "" is everybody.
blocked_askers = Table(
    "blocked_askers",
    metadata,
    Column("payer", _WALLET, primary_key=True),
    Column("asker", _WALLET, primary_key=True),
    Column("blocked", SmallInteger, nullable=False),
    Column("ordered_time_ms", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", LargeBinary(greatest(KIND_SIGNATURE)), nullable=False),
)
