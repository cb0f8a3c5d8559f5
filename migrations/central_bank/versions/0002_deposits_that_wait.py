"""deposits that wait for reserves are written down

Revision: 0002, after 0001.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "waiting_deposits",
        sa.Column("bank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=8), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank", "number", "token_id"),
    )
    with op.batch_alter_table("waiting_deposits", schema=None) as batch_op:
        batch_op.create_index("waiting_deposits_by_token", ["token_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("waiting_deposits", schema=None) as batch_op:
        batch_op.drop_index("waiting_deposits_by_token")
    op.drop_table("waiting_deposits")
