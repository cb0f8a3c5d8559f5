"""The wallet's tables: what it has asked its bank to do, and what came of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

sequences = Table(
    "sequences",
    metadata,
    Column("number", Text, primary_key=True),
    Column("next_sequence", BigInteger, nullable=False),
    # When the bank said that a sequence of this book was somebody else's order.
    Column("elsewhere_time_ms", BigInteger),
    # In the wallet's list of signers: this home's sequences are those whose rest by 16 it is. Null
    # for a wallet of one key.
    Column("place", BigInteger),
)

orders = Table(
    "orders",
    metadata,
    Column("number", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("request_id", Text, unique=True),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("created_time_ms", BigInteger, nullable=False),
    Column("expires_time_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("heard", Boolean, nullable=False),
    # The payroll run that it belongs to.
    Column("run", Text),
    Index("orders_unheard", "number", "heard", "kind"),
    Index("orders_of_run", "number", "run", "sequence"),
    Index("orders_by_content", "number", "content"),
)

payrolls = Table(
    "payrolls",
    metadata,
    Column("number", Text, primary_key=True),
    Column("run", Text, primary_key=True),
    # SHA-256 of the file that its holder confirmed last, and that file's total.
    Column("digest", LargeBinary, nullable=False),
    Column("total_fen", BigInteger, nullable=False),
    Column("confirmed_time_ms", BigInteger, nullable=False),
)

payees_found = Table(
    "payees_found",
    metadata,
    # Of the wallet that looked for it.
    Column("number", Text, primary_key=True),
    # In its one spelling.
    Column("alias", Text, primary_key=True),
    Column("payee_number", Text, nullable=False),
    Column("masked_name", Text, nullable=False),
    Column("found_time_ms", BigInteger, nullable=False),
)

requests = Table(
    "offline_requests",
    metadata,
    Column("text", Text, primary_key=True),
    Column("amount_fen", BigInteger, nullable=False),
    Column("created_time_ms", BigInteger, nullable=False),
    Column("paid_time_ms", BigInteger),
)
