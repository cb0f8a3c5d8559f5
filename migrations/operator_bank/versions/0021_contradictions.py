"""words of the central bank that contradict each other, both as they came

Revision: 0021, after 0020.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contradictions",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("about", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=400), nullable=False),
        sa.Column("kept", sa.LargeBinary(), nullable=False),
        sa.Column("shown", sa.LargeBinary(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )


def downgrade() -> None:
    op.drop_table("contradictions")
