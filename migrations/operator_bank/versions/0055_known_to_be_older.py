"""that the database is an older copy stays written down

Revision: 0055, after 0057.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feed_doubt", sa.Column("behind", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("feed_doubt") as table:
        table.drop_column("behind")
