"""orders of wallets of several signers that enough of them have released

Revision: 0056, after 0055.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("list_number", sa.Integer(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("released_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", "digest"),
    )
    op.create_table(
        "release_signatures",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("place", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("number", "digest", "place"),
    )
    op.create_table(
        "released_orders",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("release_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("at", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("order_digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("number", "release_digest", "at"),
    )
    op.create_index("released_orders_by_digest", "released_orders", ["number", "order_digest"])


def downgrade() -> None:
    op.drop_table("released_orders")
    op.drop_table("release_signatures")
    op.drop_table("releases")
