"""orders about sweeping

Revision: 0052, after 0051.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sweep_orders",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("wallet", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("sweeps", sa.Integer(), nullable=False),
        sa.Column("above_fen", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("sweep_orders_by_wallet", "sweep_orders", ["wallet", "position"])


def downgrade() -> None:
    op.drop_index("sweep_orders_by_wallet", table_name="sweep_orders")
    op.drop_table("sweep_orders")
