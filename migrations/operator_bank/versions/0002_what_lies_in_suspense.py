"""what lies in suspense is written down, and officers pay it out

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
        "suspense",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("payment_id", sa.String(length=80), nullable=False),
        sa.Column("wallet", sa.String(length=16), nullable=False),
        sa.Column("payer", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    with op.batch_alter_table("suspense", schema=None) as batch_op:
        batch_op.create_index("suspense_by_state", ["paid", "position"], unique=False)
    with op.batch_alter_table("office_acts", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("position", sa.BigInteger(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("office_acts", schema=None) as batch_op:
        batch_op.alter_column("position", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("office_acts", schema=None) as batch_op:
        batch_op.drop_column("position")
    with op.batch_alter_table("suspense", schema=None) as batch_op:
        batch_op.drop_index("suspense_by_state")
    op.drop_table("suspense")
