"""which signer of its wallet a home is

Revision: 0006, after 0004.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sequences", sa.Column("place", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("sequences") as table:
        table.drop_column("place")
