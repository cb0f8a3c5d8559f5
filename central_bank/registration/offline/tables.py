"""Tables of offline money: tokens, what became of their pieces, and deposits."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table

from central_bank.metadata import metadata

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
