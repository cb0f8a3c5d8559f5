"""The central bank's tables of banks, of keys and certificates, and of its officers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table

from central_bank.metadata import metadata
from officers.tables import officer_tables

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

office = officer_tables(metadata)
