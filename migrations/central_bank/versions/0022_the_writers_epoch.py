"""the epoch of whoever writes

Revision: 0022, after 0021.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "writer_epoch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("renewals", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        # Whoever migrates has taken over before, and made it where it was missing.
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("writer_epoch")
