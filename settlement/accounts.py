"""The table of accounts: the owner and the purpose behind each account number.

Numbers are allocated, so nothing can be computed from one. A row is written in the transaction that
opens its account. The OPEN record carries a digest of the owner and the purpose: an audit that
reads the journal finds a row that was changed later.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, SmallInteger, Table, UniqueConstraint

from settlement.records import record_digest
from settlement.tables import NUMBER


def accounts_table(metadata: MetaData) -> Table:
    """Declares the table in a service's metadata.

    An owner has one account for each purpose, and no number is given twice.
    """
    return Table(
        "accounts",
        metadata,
        Column("number", NUMBER, primary_key=True, autoincrement=False),
        Column("owner", BigInteger, nullable=False),
        Column("purpose", SmallInteger, nullable=False),
        UniqueConstraint("owner", "purpose"),
    )


def opening_digest(owner: bytes, purpose: int) -> int:
    """The `digest` of the record that opens an account.

    Args:
        owner: bytes that name the owner and that nobody can change later: a bank's name, or the
            order that a wallet signed.
        purpose: what the account is for.
    """
    return record_digest(b"account/v1 %d " % purpose + owner)
