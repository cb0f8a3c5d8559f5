"""payrolls: runs, and which orders belong to one

Revision: 0004, after 0003.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("run", sa.Text(), nullable=True))
    op.create_index("orders_of_run", "orders", ["number", "run", "sequence"])
    op.create_index("orders_by_content", "orders", ["number", "content"])
    op.create_table(
        "payrolls",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", "run"),
    )


def downgrade() -> None:
    op.drop_table("payrolls")
    op.drop_index("orders_by_content", table_name="orders")
    op.drop_index("orders_of_run", table_name="orders")
    with op.batch_alter_table("orders") as table:
        table.drop_column("run")
