"""whom aliases in payrolls stand for

Revision: 0009, after 0006.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payees_found",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("payee_number", sa.Text(), nullable=False),
        sa.Column("masked_name", sa.Text(), nullable=False),
        sa.Column("found_time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", "alias"),
    )


def downgrade() -> None:
    op.drop_table("payees_found")
