"""whether somebody has heard what came of an order

Revision: 0002, after 0001.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("orders_by_state", table_name="orders")
    op.add_column("orders", sa.Column("heard", sa.Boolean(), nullable=True))
    op.execute(sa.text("UPDATE orders SET heard = (state <> 'UNKNOWN')"))
    with op.batch_alter_table("orders") as table:
        table.alter_column("heard", existing_type=sa.Boolean(), nullable=False)
    op.create_index("orders_unheard", "orders", ["number", "heard", "kind"])


def downgrade() -> None:
    op.drop_index("orders_unheard", table_name="orders")
    with op.batch_alter_table("orders") as table:
        table.drop_column("heard")
    op.create_index("orders_by_state", "orders", ["number", "state", "kind"])
