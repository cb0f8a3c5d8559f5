"""wallets' numbers are drawn by chance, so none is kept for wallets that a copy does not know

Revision: 0036, after 0035.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("number_secret")
    # Accounts of nobody, which kept a place for wallets that were lost.
    op.execute("DELETE FROM accounts WHERE purpose = 0")


def downgrade() -> None:
    op.create_table(
        "number_secret",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
