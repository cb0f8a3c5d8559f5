"""A bank's tables."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    text,
)

from officers.tables import officer_tables
from settlement.tables import NUMBER, journal_tables

metadata = MetaData()
ledger = journal_tables(metadata)
office = officer_tables(metadata)

# The order is the OpenWalletOrder as the wallet's own key signed it; the record that opened the
# account has its digest.
wallets = Table(
    "wallets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", String(16), nullable=True, unique=True),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("wallet_class", SmallInteger, nullable=False),
    Column("holder_name", String(64), nullable=False),
    Column("phone", String(20), nullable=False),
    Column("request_id", String(36), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("opened_time_ms", BigInteger, nullable=False),
    Column("order_payload", LargeBinary, nullable=False),
    Column("order_signature", LargeBinary(64), nullable=False),
    Index("wallets_by_request", "request_id", "public_key", unique=True),
    sqlite_autoincrement=True,
)

# Of `outbound` and `token_deposits`, in the words of their indexes: a database finds one only by
# the condition it has. 1 is PAYMENT_STATE_PENDING.
IS_PENDING, IS_LOAD = text("state = 1"), text("kind = 'load'")

# Every payment to another bank is here, and an index that each of them stood in would cost half as
# much as its row. So only those stand in one that are looked for other than by number.
# `destination` is the prefix of the bank that is paid; empty for a load.
outbound = Table(
    "outbound",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("account", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("destination", String(4), nullable=False),
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

# A wallet's device has a key for each load. `live_until_ms`: while tokens of it may be good.
# `revocation`: what a trust bundle lists when it is out of use, by this bank's name and its key.
# `revoked_time_ms`: when the bank learned, or reported, that it is revoked; none until then.
# Rows long past both are deleted, but for one revoked key of a wallet, which bars it. The order is
# the CertifyDeviceOrder that the certificate was made for, as its holder signed it.
devices = Table(
    "devices",
    metadata,
    Column("device_key", LargeBinary(32), primary_key=True),
    Column("revocation", LargeBinary(32), nullable=False),
    Column("wallet", Integer, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("order_payload", LargeBinary, nullable=False),
    Column("order_signature", LargeBinary(64), nullable=False),
    Column("live_until_ms", BigInteger, nullable=False),
    Column("revoked_time_ms", BigInteger, nullable=True),
    Index("devices_by_wallet", "wallet"),
    Index("devices_by_their_revocation", "revocation"),
    Index("devices_by_revocation", "revoked_time_ms", "live_until_ms"),
)

# The order is the DepositOrder, with the pieces in it, as its holder signed it. `own_keys` are the
# wallet's own devices among those that endorsed them, 32 bytes each. `refusal` is the envelope of
# the central bank's DepositRefusal, if it has refused them.
token_deposits = Table(
    "token_deposits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("wallet", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("order_payload", LargeBinary, nullable=False),
    Column("order_signature", LargeBinary(64), nullable=False),
    Column("own_keys", LargeBinary, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("verdict", String(64), nullable=False),
    Column("refusal", LargeBinary, nullable=True),
    Column("amount_fen", BigInteger, nullable=False),
    Index("token_deposits_by_order", "wallet", "sequence", unique=True),
    Index("token_deposits_by_content", "wallet", "digest"),
    Index("token_deposits_pending", "id", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
    Index(
        "token_deposits_pending_of",
        "wallet",
        sqlite_where=IS_PENDING,
        postgresql_where=IS_PENDING,
    ),
    sqlite_autoincrement=True,
)

# The issuance that the bank has asked for by itself and nobody has decided: one row or none.
drawing = Table(
    "drawing",
    metadata,
    Column("request_id", String(36), primary_key=True),
    Column("amount_fen", BigInteger, nullable=False),
    Column("sent", SmallInteger, nullable=False),
)

# What wallets' numbers are made with; one row.
number_secret = Table(
    "number_secret",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary(32), nullable=False),
)

# Cash machines and tellers' desks, and the acts that registered and revoked them; the act 0 is the
# founding, which is what the settings named when there were none.
cash_machines = Table(
    "cash_machines",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("public_key", LargeBinary(32), nullable=False, unique=True),
    Column("registered_by", BigInteger, nullable=False),
    Column("revoked_by", BigInteger),
)

# Receipts of cash machines that were put into a wallet, and by which order.
cash_receipts = Table(
    "cash_receipts",
    metadata,
    Column("machine", String(32), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("wallet", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)

diverted = Table(
    "diverted",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("payment_id", String(80), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("returned", SmallInteger, nullable=False),
    Index("diverted_by_state", "returned", "position"),
)

# What lies in suspense until an officer pays it out, by the journal position that brought it in.
# `sequence` is that of the next record that tries to; a refused one has used its own up.
suspense = Table(
    "suspense",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("payment_id", String(80), nullable=False),
    Column("wallet", String(16), nullable=False),
    Column("payer", String(16), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("paid", SmallInteger, nullable=False),
    Column("paid_to", String(16), nullable=False),
    Index("suspense_by_state", "paid", "position"),
)

# One row: the newest trust bundle that was seen, behind the root's key, as devices take it.
trust_bundle = Table(
    "trust_bundle",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("bundle", LargeBinary, nullable=False),
)

# Payments of this bank's that came back, each once: the number of the payment, and of the entry.
given_back = Table(
    "given_back",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", BigInteger, nullable=False),
)

# Roots of offline money that took over from another, as the bundles said that were kept.
root_successions = Table(
    "root_successions",
    metadata,
    Column("successor", LargeBinary(32), primary_key=True),
    Column("predecessor", LargeBinary(32), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

# One row: where the feed stands. It is written with the records of the entries that lead there.
feed_place = Table(
    "feed_place",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("ledger", LargeBinary(16), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("position", BigInteger, nullable=False),
)

# Entries of the feed that may speak of what this database has lost: it was put back to an older
# copy, and two officers have it come back, by the central bank's act that the incarnation names.
come_backs = Table(
    "come_backs",
    metadata,
    Column("act", BigInteger, primary_key=True, autoincrement=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("after_number", BigInteger, nullable=False),
    Column("until_number", BigInteger, nullable=False),
)

# What left this bank's circulation and this database does not know of, by the entry that tells it.
# `payment` is the OutboundPayment as the central bank settled it; empty for a load or a redemption.
lost_moves = Table(
    "lost_moves",
    metadata,
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("settled_fen", BigInteger, nullable=False),
    Column("payer", String(16), nullable=False),
    Column("payment_id", String(80), nullable=False),
    Column("payment", LargeBinary, nullable=False),
    Index("lost_moves_by_number", "number"),
    Index("lost_moves_by_payment", "payment_id"),
)

# What the central bank announced of its business keys, in order: the envelope of a KeySuccession.
key_successions = Table(
    "key_successions",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("envelope", LargeBinary, nullable=False),
)

# What the central bank signed of the feed, a row a message: the envelope of the FeedTip. The
# entries up to each are the notes of the records that they became.
feed_tips = Table(
    "feed_tips",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("envelope", LargeBinary, nullable=False),
)

# Words of the central bank that cannot stand beside each other: what was heard first, and what was
# shown later, as they came.
contradictions = Table(
    "contradictions",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("about", String(16), nullable=False),
    Column("cause", String(400), nullable=False),
    Column("kept", LargeBinary, nullable=False),
    Column("shown", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)
