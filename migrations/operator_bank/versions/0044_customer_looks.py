"""who looked at whom

Revision: 0044, after 0043.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_looks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("officer", sa.String(32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "customer_looks_by_officer", "customer_looks", ["officer", "number"], unique=True
    )
    op.create_index("customer_looks_by_time", "customer_looks", ["time_ms"])


def downgrade() -> None:
    op.drop_index("customer_looks_by_time", table_name="customer_looks")
    op.drop_index("customer_looks_by_officer", table_name="customer_looks")
    op.drop_table("customer_looks")
