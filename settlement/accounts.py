"""Which account is whose, and for what: a table says so, and nothing is computed from numbers.

A row is written in the transaction that opens its account. The record that opens it has a digest of
its owner and purpose, so that a row which is changed later is found by whoever reads the journal.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, SmallInteger, Table, UniqueConstraint

from settlement.records import record_digest
from settlement.tables import NUMBER


def accounts_table(metadata: MetaData) -> Table:
    """Declares the table in a service's metadata: numbers by owner and purpose, each given once."""
    return Table(
        "accounts",
        metadata,
        Column("number", NUMBER, primary_key=True, autoincrement=False),
        Column("owner", BigInteger, nullable=False),
        Column("purpose", SmallInteger, nullable=False),
        UniqueConstraint("owner", "purpose"),
    )


def opening_digest(owner: bytes, purpose: int) -> int:
    """The digest of the record that opens an account.

    Args:
        owner: what its owner cannot change later, as a bank's name or a wallet's signed order.
        purpose: what the account is for.
    """
    return record_digest(b"account/v1 %d " % purpose + owner)
