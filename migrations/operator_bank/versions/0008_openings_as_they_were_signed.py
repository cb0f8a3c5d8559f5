"""openings as they were signed

Revision: 0008, after 0007.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
Rows from before have no order: its signature was not kept.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# An id is never given twice, whatever is deleted.
_KEPT = {"table_kwargs": {"sqlite_autoincrement": True}}
_COLUMNS = {"order_payload": None, "order_signature": 64}


def upgrade() -> None:
    with op.batch_alter_table("wallets", schema=None, **_KEPT) as batch_op:
        for name, length in _COLUMNS.items():
            kind = sa.LargeBinary(length)
            batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=""))
    with op.batch_alter_table("wallets", schema=None, **_KEPT) as batch_op:
        for name in _COLUMNS:
            batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("wallets", schema=None, **_KEPT) as batch_op:
        for name in _COLUMNS:
            batch_op.drop_column(name)
