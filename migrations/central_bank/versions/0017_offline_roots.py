"""roots of offline money that succeed each other

Revision: 0017, after 0016.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "offline_roots",
        sa.Column("root_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("act", sa.Integer(), nullable=False),
        sa.Column("from_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.SmallInteger(), nullable=False),
        sa.Column("introduction", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("root_key"),
    )


def downgrade() -> None:
    op.drop_table("offline_roots")
