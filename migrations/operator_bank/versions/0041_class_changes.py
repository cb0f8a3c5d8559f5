"""the class of a wallet changes

Revision: 0041, after 0040.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "class_changes",
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("wallet", sa.Integer(), nullable=False),
        sa.Column("wallet_class", sa.SmallInteger(), nullable=False),
        sa.Column("shown", sa.SmallInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(36), nullable=True),
        sa.Column("order_payload", sa.LargeBinary(), nullable=True),
        sa.Column("order_signature", sa.LargeBinary(64), nullable=True),
        sa.Column("act", sa.BigInteger(), nullable=True),
    )
    op.create_index("class_changes_by_wallet", "class_changes", ["wallet", "position"])


def downgrade() -> None:
    op.drop_index("class_changes_by_wallet", "class_changes")
    op.drop_table("class_changes")
