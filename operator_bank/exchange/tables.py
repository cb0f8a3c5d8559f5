"""Tables of cash machines and their receipts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from dcep.bounds.v1.bounds_pb2 import KIND_OFFICER_NAME, KIND_PUBLIC_KEY
from operator_bank.metadata import metadata
from runtime.bounds import greatest

# Cash machines and tellers' desks, and the acts that registered and revoked them. The act 0 stands
# for machines that the settings named while there were none.
cash_machines = Table(
    "cash_machines",
    metadata,
    Column("name", String(greatest(KIND_OFFICER_NAME)), primary_key=True),
    Column("public_key", LargeBinary(greatest(KIND_PUBLIC_KEY)), nullable=False, unique=True),
    Column("registered_by", BigInteger, nullable=False),
    Column("revoked_by", BigInteger),
)

# Receipts of cash machines that were used, and by which order.
cash_receipts = Table(
    "cash_receipts",
    metadata,
    Column("machine", String(greatest(KIND_OFFICER_NAME)), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("wallet", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)
