"""keys of wallets that are asked for, and that replace others

Revision: 0039, after 0038.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("key_requests_by_key", "key_requests", ["number", "public_key"], unique=True)
    op.create_index("key_requests_by_time", "key_requests", ["time_ms"])
    op.create_table(
        "key_replacements",
        sa.Column("act", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("act_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("approved_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("key_number", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("ended_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("objection", sa.LargeBinary(), nullable=True),
        sa.Column("objection_signature", sa.LargeBinary(64), nullable=True),
        sa.PrimaryKeyConstraint("act"),
    )
    op.create_index("key_replacements_by_number", "key_replacements", ["number", "state"])
    op.create_index("key_replacements_by_state", "key_replacements", ["state"])


def downgrade() -> None:
    op.drop_index("key_replacements_by_state", table_name="key_replacements")
    op.drop_index("key_replacements_by_number", table_name="key_replacements")
    op.drop_table("key_replacements")
    op.drop_index("key_requests_by_time", table_name="key_requests")
    op.drop_index("key_requests_by_key", table_name="key_requests")
    op.drop_table("key_requests")
