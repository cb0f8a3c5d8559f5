"""Tables of offline money: tokens, how their pieces were spent, and deposits."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table

from central_bank.metadata import metadata
from dcep.bounds.v1.bounds_pb2 import KIND_DIGEST, KIND_PUBLIC_KEY
from offline_token.formats import ID_BYTES
from runtime.bounds import greatest

# `owner` is the key that the token was made for; it has tokens of no other bank. `restored_fen` is
# what was refunded to the loader after the grace; null until then. `pruned_fen` is what left the
# float through pieces whose rows were deleted; `pruned` is 1 when all of them were, and then the
# token's row is deleted too.
tokens = Table(
    "tokens",
    metadata,
    Column("token_id", LargeBinary(ID_BYTES), primary_key=True),
    Column("bank", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("owner", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
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

# Each way in which a piece was spent: by an endorsement, or by its deposit (`DEPOSITED`).
# `retired_fen` is what left the float through it, also for pieces further down; `claimed_fen`
# includes what was lost at pieces further up. The token comes first in the key, so that the rows of
# one chain are written side by side.
pieces = Table(
    "pieces",
    metadata,
    Column("token_id", LargeBinary(ID_BYTES), primary_key=True),
    Column("piece_id", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("spent_by", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("hop", LargeBinary, nullable=False),
    Column("retired_fen", BigInteger, nullable=False),
    Column("claimed_fen", BigInteger, nullable=False),
    Column("bank", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

# A hash chain of what was deleted because of its age, with a row for each batch of one table
# (`what`). `gone` is the digest of the deleted rows, `entries` their sums, and `amount_fen` the sum
# of these. Tokens that expired before `until_ms` have ended. By `time_ms` the rows were old enough.
# `digest` is that of this row and of the digest before (registration/offline/pruned_chain.py).
pruned = Table(
    "pruned",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("what", String(8), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("gone", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("entries", LargeBinary, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
)

# What a deposited piece was paid beyond its token's value, the piece on its way at which that was
# lost, and the bank that bore it.
losses = Table(
    "losses",
    metadata,
    Column("piece_id", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("lost_at", LargeBinary(greatest(KIND_DIGEST)), primary_key=True),
    Column("token_id", LargeBinary(ID_BYTES), nullable=False),
    Column("device_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False),
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
    Column("piece_id", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("spent_by", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("token_id", LargeBinary(ID_BYTES), nullable=False),
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

# `ruling` is the root's ruling, encoded, if the piece has ended and not only the deposit; else
# empty.
refused_deposits = Table(
    "refused_deposits",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(greatest(KIND_DIGEST)), nullable=False),
    Column("reason", Integer, nullable=False),
    Column("verdict", SmallInteger, nullable=False),
    Column("ruling", LargeBinary, nullable=False),
)

# One row: the time of refunds, up to which the clock is believed.
refund_clock = Table(
    "refund_clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("time_ms", BigInteger, nullable=False),
)

# Deposits that came in time and wait for reserves; a row for each of their tokens.
waiting_deposits = Table(
    "waiting_deposits",
    metadata,
    Column("bank", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("token_id", LargeBinary(ID_BYTES), primary_key=True),
    Column("digest", LargeBinary(8), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("waiting_deposits_by_token", "token_id"),
)
