"""banks that go on from an older copy of their database

Revision: 0019, after 0018.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "put_backs",
        sa.Column("act", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bank", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("acts_number", sa.BigInteger(), nullable=False),
        sa.Column("acts_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("act"),
    )
    with op.batch_alter_table("feed_receipts") as batch_op:
        batch_op.add_column(
            sa.Column("journal_position", sa.BigInteger(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("feed_receipts") as batch_op:
        batch_op.alter_column("journal_position", server_default=None)
    op.create_table(
        "acts_told_of_an_incarnation",
        sa.Column("bank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("incarnation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank", "incarnation", "number"),
    )
    op.execute(
        "INSERT INTO acts_told_of_an_incarnation (bank, incarnation, number, receipt, time_ms)"
        " SELECT bank, 0, number, receipt, time_ms FROM acts_told"
    )
    op.drop_table("acts_told")
    op.rename_table("acts_told_of_an_incarnation", "acts_told")


def downgrade() -> None:
    op.create_table(
        "acts_told_of_all",
        sa.Column("bank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank", "number"),
    )
    op.execute(
        "INSERT INTO acts_told_of_all (bank, number, receipt, time_ms)"
        " SELECT bank, number, receipt, time_ms FROM acts_told WHERE incarnation = 0"
    )
    op.drop_table("acts_told")
    op.rename_table("acts_told_of_all", "acts_told")
    with op.batch_alter_table("feed_receipts") as batch_op:
        batch_op.drop_column("journal_position")
    op.drop_table("put_backs")
