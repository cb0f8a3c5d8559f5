"""The central bank's tables of banks, of keys and certificates, and of its officers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table

from central_bank.metadata import metadata
from dcep.bounds.v1.bounds_pb2 import (
    KIND_ADDRESS,
    KIND_BANK_NAME,
    KIND_BANK_PREFIX,
    KIND_CAUSE,
    KIND_FINGERPRINT,
    KIND_PUBLIC_KEY,
    KIND_REVOCATION,
)
from officers.tables import officer_tables
from runtime.bounds import greatest

banks = Table(
    "banks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(greatest(KIND_BANK_NAME)), nullable=False, unique=True),
    Column("prefix", String(greatest(KIND_BANK_PREFIX)), nullable=False, unique=True),
    Column("inner_address", String(greatest(KIND_ADDRESS)), nullable=False),
    Column("suspended", SmallInteger, nullable=False),
)

# TLS certificates of banks. The newest of each bank has no end: its `until_time_ms` is 0. The
# others stay here for ever, so that none is given twice. `act` is the act by which it was given; 0
# if no officers were asked.
bank_certificates = Table(
    "bank_certificates",
    metadata,
    Column("fingerprint", String(greatest(KIND_FINGERPRINT)), primary_key=True),
    Column("bank", Integer, nullable=False),
    Column("act", Integer, nullable=False),
    Column("from_time_ms", BigInteger, nullable=False),
    Column("until_time_ms", BigInteger, nullable=False),
    Column("revoked", SmallInteger, nullable=False),
)

# The same for business keys, each with the certificate by which devices that it certified are
# trusted. They are until that certificate ends, unless they are revoked.
bank_keys = Table(
    "bank_keys",
    metadata,
    Column("business_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), primary_key=True),
    Column("bank", Integer, nullable=False),
    Column("act", Integer, nullable=False),
    Column("from_time_ms", BigInteger, nullable=False),
    Column("until_time_ms", BigInteger, nullable=False),
    Column("revoked", SmallInteger, nullable=False),
    Column("offline_certificate", LargeBinary, nullable=False),
)

# The central bank's own business keys, as in `bank_keys`. The first has act 0.
central_keys = Table(
    "central_keys",
    metadata,
    Column("business_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), primary_key=True),
    Column("act", Integer, nullable=False),
    Column("from_time_ms", BigInteger, nullable=False),
    Column("until_time_ms", BigInteger, nullable=False),
    Column("revoked", SmallInteger, nullable=False),
)

# Roots of offline money; the first has act 0. `introduction` is its encoded certificate by the root
# before. `until_time_ms` is 0 while no end is set.
offline_roots = Table(
    "offline_roots",
    metadata,
    Column("root_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), primary_key=True),
    Column("act", Integer, nullable=False),
    Column("from_time_ms", BigInteger, nullable=False),
    Column("until_time_ms", BigInteger, nullable=False),
    Column("revoked", SmallInteger, nullable=False),
    Column("introduction", LargeBinary, nullable=False),
)

# What banks are told of keys and of limits, by act: the envelope of an Announcement.
announcements = Table(
    "announcements",
    metadata,
    Column("act", Integer, primary_key=True, autoincrement=False),
    Column("envelope", LargeBinary, nullable=False),
)

# Revoked devices: by officers, by the bank that certified them, or by their own signatures. The
# revocation names bank and key, as a trust bundle lists it.
revoked_devices = Table(
    "revoked_devices",
    metadata,
    Column("revocation", LargeBinary(greatest(KIND_REVOCATION)), primary_key=True),
    Column("bank", Integer, nullable=False),
    Column("by_officer", SmallInteger, nullable=False),
    Column("cause", String(greatest(KIND_CAUSE)), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("revoked_devices_by_bank", "bank", "time_ms"),
    Index("revoked_devices_by_time", "by_officer", "time_ms"),
)

office = officer_tables(metadata)
