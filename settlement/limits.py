"""Every bound of the settlement core, in one place."""

from __future__ import annotations

MAX_AMOUNT_FEN = 10**15
"""Largest amount of one record: ten trillion yuan. 9,000 of them still fit an int64."""

MAX_BATCH_RECORDS = 8_190
"""Records in one batch."""

MAX_COMMIT_RECORDS = 16 * MAX_BATCH_RECORDS
"""Records that one journal row, and so one commit, may carry."""

MAX_NOTE_BYTES = 16_640
"""Bytes that may be written down beside one record: the longest of what others sign, and more."""

SIGNATURE_BYTES = 64
"""Of a signature that is kept beside a record."""

MAX_QUEUED_BATCHES = 256
"""Batches that may wait for the writer; the next one is refused as overloaded."""

MAX_QUEUED_BYTES = 1 << 28
"""Bytes of batches that may wait for the writer, with what is written down beside them."""

MAX_COMMIT_BYTES = 1 << 25
"""Bytes after which a commit takes in no further batch."""

MAX_ACCOUNTS = 1 << 24
"""Accounts in one core."""

MAX_HOLDS = 1 << 20
"""Holds open at once."""

MAX_ACCOUNT_HOLDS = 1_024
"""Of these of one account, unless it is opened with AccountFlag.MANY_HOLDS."""

MAX_DEBT_FEN = 1 << 62
"""How far an account that may go below zero goes, so that no sum of a ledger leaves an int64."""

MAX_TIME_MS = 253_402_300_799_999
"""The last moment of the year 9999: no record is judged by a later one."""

MAX_LIMIT_SETS = 1_024
"""Rows of the table of limits, with the first, which has none."""

SEQUENCE_WINDOW = 64
"""How far below an account's highest sequence the core remembers by itself."""

SNAPSHOT_EVERY_RECORDS = 5_000_000
"""Records between two snapshots."""

SNAPSHOT_PART_BYTES = 1 << 20
"""A snapshot is written in parts of this size, each on its own: payments go on in between."""

PROJECTION_ROWS = 65_536
"""Rows that the projection writes in one transaction."""

PROJECTION_ROWS_SQLITE = 4_096
"""The same where payments wait for that transaction: SQLite has one writer at a time."""

PROJECTION_STEP = 8 * PROJECTION_ROWS
"""Records that one call of the projection goes on for."""

RECENT_RECORDS = 1 << 19
"""Newest records that the journal keeps in memory for those who follow it."""

RECENT_BYTES = 1 << 28
"""Bytes of these at most, with what is written down beside them; the newest row in any case."""

READ_BYTES = 1 << 25
"""Bytes of journal rows after which one reading of the database ends."""

MIN_FREE_BYTES = 1 << 27
"""Bytes free beside an SQLite database, below which nothing new is taken."""

MAX_LAG_RECORDS = RECENT_RECORDS // 2
"""How far the projection may be behind before the writer waits: questions look through that."""

MAX_UNPROJECTED_RECORDS = 2 * RECENT_RECORDS
"""So far behind, nothing is looked up any more until the projection has come nearer."""

SEAL_RECORDS = 1 << 20
"""Projected records whose index is kept in memory; then it is sorted and written as one run."""

BALANCES_EVERY_RECORDS = 10_000_000
"""How far the rows of `balances` may fall behind the payments while there is no pause."""

BALANCES_AT_ONCE = 4_096
"""So few accounts are written to `balances` in any pause; more wait for a longer one."""

LONG_PAUSE = 50
"""Times in a row that the projection was asked and had nothing to do."""

PAGE_POSTINGS = 512
"""Postings in one row of the index."""
