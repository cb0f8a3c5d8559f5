"""one chain for all that is deleted because of its age

Revision: 0020, after 0019.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The links of the earlier chain were of another form: there is none to carry over."""
    op.drop_table("pruned_pieces")
    op.create_table(
        "pruned",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("what", sa.String(length=8), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.LargeBinary(length=32), nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("revoked_devices_by_time", "revoked_devices", ["by_officer", "time_ms"])


def downgrade() -> None:
    op.drop_index("revoked_devices_by_time", table_name="revoked_devices")
    op.drop_table("pruned")
    op.create_table(
        "pruned_pieces",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("retired_fen", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.LargeBinary(length=32), nullable=False),
        sa.Column("deposits", sa.LargeBinary(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
