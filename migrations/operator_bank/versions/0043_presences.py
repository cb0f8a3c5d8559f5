"""holders who were at a counter

Revision: 0043, after 0041.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "presences",
        sa.Column("act", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("wallet", sa.Integer(), nullable=False),
        sa.Column("shown", sa.SmallInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("presences_by_wallet", "presences", ["wallet"])


def downgrade() -> None:
    op.drop_index("presences_by_wallet", table_name="presences")
    op.drop_table("presences")
