"""orders as they were signed

Revision: 0006, after 0005.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
Rows from before have no order: its signature was not kept.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEPT = {
    "devices": ("order_payload", "order_signature"),
    "token_deposits": ("order_payload", "order_signature", "own_keys"),
}
_LENGTHS = {"order_signature": 64}


def upgrade() -> None:
    for table, names in _KEPT.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in names:
                kind = sa.LargeBinary(_LENGTHS.get(name))
                batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=""))
            if table == "token_deposits":
                batch_op.drop_column("body")
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in names:
                batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("token_deposits", schema=None) as batch_op:
        batch_op.add_column(sa.Column("body", sa.LargeBinary(), nullable=False, server_default=""))
    with op.batch_alter_table("token_deposits", schema=None) as batch_op:
        batch_op.alter_column("body", server_default=None)
    for table, names in _KEPT.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in names:
                batch_op.drop_column(name)
