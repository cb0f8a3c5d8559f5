"""tries to pay requests by mandates

Revision: 0054, after 0045.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0045"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING = sa.text("state = 1")


def upgrade() -> None:
    op.create_table(
        "mandate_tries",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("request", sa.String(49), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("allowed", sa.SmallInteger(), nullable=False),
        sa.Column("allow_key", sa.LargeBinary(32), nullable=False),
        sa.Column("allow_payload", sa.LargeBinary(), nullable=False),
        sa.Column("allow_signature", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("mandate_tries_by_request", "mandate_tries", ["request", "number"])
    op.create_index("mandate_tries_by_month", "mandate_tries", ["account", "month"])
    op.create_index(
        "mandate_tries_waiting",
        "mandate_tries",
        ["number"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )


def downgrade() -> None:
    op.drop_index("mandate_tries_waiting", table_name="mandate_tries")
    op.drop_index("mandate_tries_by_month", table_name="mandate_tries")
    op.drop_index("mandate_tries_by_request", table_name="mandate_tries")
    op.drop_table("mandate_tries")
