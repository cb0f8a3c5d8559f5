"""what an older copy of the database took up, and what was lost

Revision: 0024, after 0023.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "come_backs",
        sa.Column("act", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
        sa.Column("after_number", sa.BigInteger(), nullable=False),
        sa.Column("until_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("act"),
    )
    op.create_table(
        "lost_moves",
        sa.Column("entry", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("settled_fen", sa.BigInteger(), nullable=False),
        sa.Column("payer", sa.String(length=16), nullable=False),
        sa.Column("payment_id", sa.String(length=80), nullable=False),
        sa.Column("payment", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index("lost_moves_by_number", "lost_moves", ["number"])
    op.create_index("lost_moves_by_payment", "lost_moves", ["payment_id"])


def downgrade() -> None:
    op.drop_table("lost_moves")
    op.drop_table("come_backs")
