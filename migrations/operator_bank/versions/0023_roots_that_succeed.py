"""roots of offline money that the bank has seen take over

Revision: 0023, after 0022.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "root_successions",
        sa.Column("successor", sa.LargeBinary(length=32), nullable=False),
        sa.Column("predecessor", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("successor"),
    )


def downgrade() -> None:
    op.drop_table("root_successions")
