"""Tables of cash machines and their receipts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from operator_bank.metadata import metadata

# Cash machines and tellers' desks, and the acts that registered and revoked them. The act 0 stands
# for machines that the settings named while there were none.
cash_machines = Table(
    "cash_machines",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("public_key", LargeBinary(32), nullable=False, unique=True),
    Column("registered_by", BigInteger, nullable=False),
    Column("revoked_by", BigInteger),
)

# Receipts of cash machines that were used, and by which order.
cash_receipts = Table(
    "cash_receipts",
    metadata,
    Column("machine", String(32), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("wallet", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)
