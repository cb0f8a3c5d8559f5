"""requests to pay, what was paid on them, and whom a wallet does not hear

Revision: 0042, after 0039.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0039"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "asked",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("id", sa.String(49), nullable=False),
        sa.Column("asker", sa.String(16), nullable=False),
        sa.Column("payer", sa.String(16), nullable=False),
        sa.Column("other", sa.String(4), nullable=False),
        sa.Column("shown", sa.SmallInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("partial", sa.SmallInteger(), nullable=False),
        sa.Column("due_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("reminders", sa.SmallInteger(), nullable=False),
        sa.Column("reminded_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.Column("change_key", sa.LargeBinary(32), nullable=False),
        sa.Column("change_payload", sa.LargeBinary(), nullable=False),
        sa.Column("change_signature", sa.LargeBinary(64), nullable=False),
        sa.Column("to_tell", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("asked_by_id", "asked", ["id"], unique=True)
    op.create_index("asked_by_asker", "asked", ["asker", "received_time_ms"])
    op.create_index("asked_by_payer", "asked", ["payer", "received_time_ms"])
    op.create_index("asked_by_bank", "asked", ["other", "received_time_ms"])
    where = sa.text("to_tell = 1")
    op.create_index(
        "asked_to_tell", "asked", ["other", "number"], sqlite_where=where, postgresql_where=where
    )
    op.create_table(
        "asked_payments",
        sa.Column("position", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("request", sa.String(49), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("asked_payments_by_request", "asked_payments", ["request"])
    op.create_table(
        "blocked_askers",
        sa.Column("payer", sa.String(16), nullable=False),
        sa.Column("asker", sa.String(16), nullable=False),
        sa.Column("blocked", sa.SmallInteger(), nullable=False),
        sa.Column("ordered_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("payer", "asker"),
    )


def downgrade() -> None:
    op.drop_table("blocked_askers")
    op.drop_index("asked_payments_by_request", table_name="asked_payments")
    op.drop_table("asked_payments")
    for index in ("to_tell", "by_bank", "by_payer", "by_asker", "by_id"):
        op.drop_index(f"asked_{index}", table_name="asked")
    op.drop_table("asked")
