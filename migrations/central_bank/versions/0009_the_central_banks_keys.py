"""the central bank's business key has successors

Revision: 0009, after 0008.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "central_keys",
        sa.Column("business_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("act", sa.Integer(), nullable=False),
        sa.Column("from_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("business_key"),
    )
    op.create_table(
        "key_successions",
        sa.Column("act", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("act"),
    )


def downgrade() -> None:
    op.drop_table("key_successions")
    op.drop_table("central_keys")
