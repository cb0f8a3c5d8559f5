"""The central bank's tables."""

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
    UniqueConstraint,
)

from officers.tables import officer_tables
from settlement.tables import NUMBER, journal_tables

metadata = MetaData()
ledger = journal_tables(metadata)
office = officer_tables(metadata)

banks = Table(
    "banks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(32), nullable=False, unique=True),
    Column("prefix", String(4), nullable=False, unique=True),
    Column("inner_address", String(255), nullable=False),
    Column("suspended", SmallInteger, nullable=False),
)

# TLS certificates of banks. Of each bank one has no end, an `until_time_ms` of 0: the newest. The
# others stand here for ever, so that none is given twice. `act`: by which it was given; 0 where no
# officers were asked.
bank_certificates = Table(
    "bank_certificates",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("bank", Integer, nullable=False),
    Column("act", Integer, nullable=False),
    Column("from_time_ms", BigInteger, nullable=False),
    Column("until_time_ms", BigInteger, nullable=False),
    Column("revoked", SmallInteger, nullable=False),
)

# The same of business keys, each with the certificate by which devices that it certified are
# trusted: until that ends, revoked ones aside.
bank_keys = Table(
    "bank_keys",
    metadata,
    Column("business_key", LargeBinary(32), primary_key=True),
    Column("bank", Integer, nullable=False),
    Column("act", Integer, nullable=False),
    Column("from_time_ms", BigInteger, nullable=False),
    Column("until_time_ms", BigInteger, nullable=False),
    Column("revoked", SmallInteger, nullable=False),
    Column("offline_certificate", LargeBinary, nullable=False),
)

# The central bank's own business keys, as `bank_keys`. Act 0 gave the first.
central_keys = Table(
    "central_keys",
    metadata,
    Column("business_key", LargeBinary(32), primary_key=True),
    Column("act", Integer, nullable=False),
    Column("from_time_ms", BigInteger, nullable=False),
    Column("until_time_ms", BigInteger, nullable=False),
    Column("revoked", SmallInteger, nullable=False),
)

# Roots of offline money, the first one by no act; `introduction`: the encoded certificate of it by
# the root before. `until_time_ms` is 0 while no end is set.
offline_roots = Table(
    "offline_roots",
    metadata,
    Column("root_key", LargeBinary(32), primary_key=True),
    Column("act", Integer, nullable=False),
    Column("from_time_ms", BigInteger, nullable=False),
    Column("until_time_ms", BigInteger, nullable=False),
    Column("revoked", SmallInteger, nullable=False),
    Column("introduction", LargeBinary, nullable=False),
)

# What banks are told of the business keys, by the act: the envelope of a KeySuccession.
key_successions = Table(
    "key_successions",
    metadata,
    Column("act", Integer, primary_key=True, autoincrement=False),
    Column("envelope", LargeBinary, nullable=False),
)

# What banks ask for; officers answer by an act of their own, or not at all. `act` is its number.
issuance_requests = Table(
    "issuance_requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("request_id", String(36), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("bank", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("act", Integer, nullable=True),
    Column("created_time_ms", BigInteger, nullable=False),
    Column("decided_time_ms", BigInteger, nullable=False),
    UniqueConstraint("bank", "request_id"),
    Index("issuance_requests_by_bank", "bank", "state", "created_time_ms"),
    sqlite_autoincrement=True,
)

# What a bank signed, by the first journal position that it moved anything at. `count` records from
# there on are of a batch of payments, in order, and their notes are in it; `others` are the
# payments in it that are not, be it that they were settled before, or that they were later.
# Without `others`, `head` is all that was signed.
bank_batches = Table(
    "bank_batches",
    metadata,
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("bank", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("others", LargeBinary, nullable=True),
    Column("signature", LargeBinary(64), nullable=False),
)

# Redemptions, by the number of their act: whether the bank has set the money aside.
redemptions = Table(
    "redemptions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("bank", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Index("redemptions_by_state", "state"),
)

# `owner` is the key that it was made for, at this bank and never at another one. `restored_fen` is
# what went back to the loader after the grace; none until then. `pruned_fen` is what left the float
# through pieces of it that are not kept any more; `pruned` is 1 when none is, and then the row goes
# too.
tokens = Table(
    "tokens",
    metadata,
    Column("token_id", LargeBinary(16), primary_key=True),
    Column("bank", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("owner", LargeBinary(32), nullable=False),
    Column("value_fen", BigInteger, nullable=False),
    Column("expires_time_ms", BigInteger, nullable=False),
    Column("restored_fen", BigInteger, nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("pruned", SmallInteger, nullable=False),
    Column("pruned_fen", BigInteger, nullable=False),
    Index("tokens_by_registration", "bank", "number"),
    Index("tokens_by_owner", "owner"),
    Index("tokens_by_expiry", "restored_fen", "expires_time_ms"),
    Index("tokens_by_pruning", "pruned", "expires_time_ms"),
)

# Each way in which a piece was spent: by an endorsement, or, with `DEPOSITED`, at its deposit.
# `retired_fen` is what left the float through it, be it for pieces further down; `claimed_fen` has
# what was lost at pieces further up as well. The token comes
# first in the key, so that the ways of one chain are written side by side.
pieces = Table(
    "pieces",
    metadata,
    Column("token_id", LargeBinary(16), primary_key=True),
    Column("piece_id", LargeBinary(32), primary_key=True),
    Column("spent_by", LargeBinary(32), primary_key=True),
    Column("hop", LargeBinary, nullable=False),
    Column("retired_fen", BigInteger, nullable=False),
    Column("claimed_fen", BigInteger, nullable=False),
    Column("bank", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

# A chain of what was deleted because of its age, one row a batch of one table (`what`). `gone` is a
# digest of the rows, `entries` what they came to, `amount_fen` all of that together, `until_ms`
# before which tokens have ended, `time_ms` by which the rows were old enough, `digest` one of this
# row and the digest before (registration/pruned_chain.py).
pruned = Table(
    "pruned",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("what", String(8), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("gone", LargeBinary(32), nullable=False),
    Column("entries", LargeBinary, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
)

# What a deposited piece was paid beyond its token's value, at which piece on its way that was lost,
# and which bank bore it.
losses = Table(
    "losses",
    metadata,
    Column("piece_id", LargeBinary(32), primary_key=True),
    Column("lost_at", LargeBinary(32), primary_key=True),
    Column("token_id", LargeBinary(16), nullable=False),
    Column("device_key", LargeBinary(32), nullable=False),
    Column("borne_by", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("bank", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("losses_by_token", "token_id"),
    Index("losses_by_device", "device_key"),
)

# Two endorsements of one piece, as they were signed.
evidence = Table(
    "evidence",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("piece_id", LargeBinary(32), nullable=False),
    Column("spent_by", LargeBinary(32), nullable=False),
    Column("token_id", LargeBinary(16), nullable=False),
    Column("bank", Integer, nullable=False),
    Column("device_certificate", LargeBinary, nullable=False),
    Column("first", LargeBinary, nullable=False),
    Column("second", LargeBinary, nullable=False),
    Column("first_bank", Integer, nullable=False),
    Column("second_bank", Integer, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("evidence_by_endorsement", "piece_id", "spent_by", unique=True),
    Index("evidence_by_token", "token_id"),
    sqlite_autoincrement=True,
)

# Devices out of use: at the word of officers, or of the bank that certified them, or by their own
# signatures. The revocation names bank and key, as a trust bundle lists it.
revoked_devices = Table(
    "revoked_devices",
    metadata,
    Column("revocation", LargeBinary(32), primary_key=True),
    Column("bank", Integer, nullable=False),
    Column("by_officer", SmallInteger, nullable=False),
    Column("cause", String(200), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("revoked_devices_by_bank", "bank", "time_ms"),
    Index("revoked_devices_by_time", "by_officer", "time_ms"),
)

# `ruling`: the root's, encoded, where the piece has ended and not only the deposit; else nothing.
refused_deposits = Table(
    "refused_deposits",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("reason", Integer, nullable=False),
    Column("verdict", String(64), nullable=False),
    Column("ruling", LargeBinary, nullable=False),
)

# One row: up to when the clock is believed where expired money goes back.
refund_clock = Table(
    "refund_clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("time_ms", BigInteger, nullable=False),
)

# Deposits that came in time and wait for reserves, with each token that they are made of.
waiting_deposits = Table(
    "waiting_deposits",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("token_id", LargeBinary(16), primary_key=True),
    Column("digest", LargeBinary(8), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("waiting_deposits_by_token", "token_id"),
)

# Payments that were given back, by their bank and its number, and by which return.
returned_payments = Table(
    "returned_payments",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("by_bank", Integer, nullable=False),
    Column("by_number", BigInteger, nullable=False),
)

# One row: the name of this ledger, which begins every bank's chain.
feed_ledger = Table(
    "feed_ledger",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("ledger", LargeBinary(16), nullable=False),
)

# Places in the banks' chains, now and then, from which they are made anew.
feed_marks = Table(
    "feed_marks",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("position", BigInteger, nullable=False),
)

# Where the chain of a bank's officers' acts ended, as it signed: for ever, at most one a minute.
acts_told = Table(
    "acts_told",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

# Banks that were put back to an older copy of their database, by the act of two officers; where
# their feed begins again, where their own officers' acts ended there, and the receipt for more that
# there was, if any.
put_backs = Table(
    "put_backs",
    metadata,
    Column("act", BigInteger, primary_key=True, autoincrement=False),
    Column("bank", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("acts_number", BigInteger, nullable=False),
    Column("acts_hash", LargeBinary(32), nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

# How far each bank has applied its feed, and where its journal ended, as it signed it.
feed_receipts = Table(
    "feed_receipts",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("journal_position", BigInteger, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
)
