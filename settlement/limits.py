"""Every bound of the settlement core, in one place."""

from __future__ import annotations

from nacl.bindings import crypto_sign_BYTES

MAX_AMOUNT_FEN = 10**15
"""Largest amount of one record: ten trillion yuan. 9,000 of them still fit an int64."""

MAX_BATCH_RECORDS = 8_190
"""Records in one batch."""

MAX_COMMIT_RECORDS = 16 * MAX_BATCH_RECORDS
"""Records that one journal row, and so one commit, may carry."""

MAX_NOTE_BYTES = 16_640
"""Bytes of one record's note: more than the longest thing that others sign."""

SIGNATURE_BYTES: int = crypto_sign_BYTES
"""Bytes of a signature that is kept with a record: Ed25519."""

MAX_QUEUED_BATCHES = 256
"""Batches that may wait for the writer; the next one is refused as overloaded."""

MAX_QUEUED_BYTES = 1 << 28
"""Bytes of batches that may wait for the writer, with their notes and signatures."""

MAX_COMMIT_BYTES = 1 << 25
"""With so many bytes a commit takes in no further batch."""

MAX_ACCOUNTS = 1 << 24
"""Accounts in one core."""

MAX_HOLDS = 1 << 20
"""Holds open at once."""

MAX_ACCOUNT_HOLDS = 1_024
"""Holds of one account open at once, unless it was opened with AccountFlag.MANY_HOLDS."""

MAX_DEBT_FEN = 1 << 62
"""How far below zero an account may go if it may at all; keeps a ledger's sums within an int64."""

MAX_TIME_MS = 253_402_300_799_999
"""The last millisecond of the year 9999; a record with a later time is malformed."""

MAX_LIMIT_SETS = 1_024
"""Limit sets in one core, with the first one, which has no limits."""

SEQUENCE_WINDOW = 64
"""How many sequences, an account's highest and those below it, the state remembers."""

MAX_KEYS = 1 << 13
"""Keys that an account may have, one after the other: sequences have 53 bits, and each key the
lower 40 of them."""

SNAPSHOT_EVERY_RECORDS = 5_000_000
"""Records between two snapshots."""

SNAPSHOT_PART_BYTES = 1 << 20
"""Bytes of a snapshot's part. Each has a transaction of its own: payments go on in between."""

PROJECTION_ROWS = 65_536
"""Rows that the projection writes in one transaction on PostgreSQL."""

PROJECTION_ROWS_SQLITE = 4_096
"""The same on SQLite, which has one writer at a time: payments wait for that transaction."""

PROJECTION_STEP = 8 * PROJECTION_ROWS
"""Records that one call of the projection takes at most."""

RECENT_RECORDS = 1 << 19
"""How many of the newest records the journal keeps in memory for those who follow it."""

RECENT_BYTES = 1 << 28
"""Their bytes at most, with their notes; the newest row is kept whatever its size."""

READ_BYTES = 1 << 25
"""With so many bytes of journal rows one reading from the database ends."""

MIN_FREE_BYTES = 1 << 27
"""With fewer bytes free beside an SQLite database, nothing new is taken."""

MAX_LAG_RECORDS = RECENT_RECORDS // 2
"""How far the projection may be behind before the writer waits; questions read through that."""

MAX_UNPROJECTED_RECORDS = 2 * RECENT_RECORDS
"""When the projection is further behind than this, nothing is looked up until it is nearer."""

SEAL_RECORDS = 1 << 20
"""Projected records whose index is kept in memory before it is sorted and written as one run."""

BALANCES_EVERY_RECORDS = 10_000_000
"""How far the rows of `balances` may fall behind the payments while there is no pause."""

BALANCES_AT_ONCE = 4_096
"""Up to so many accounts are written to `balances` in any pause; more wait for a long one."""

LONG_PAUSE = 50
"""A long pause: the projection was asked so many times in a row and had nothing to do."""

PAGE_POSTINGS = 512
"""Postings in one row of the index."""
