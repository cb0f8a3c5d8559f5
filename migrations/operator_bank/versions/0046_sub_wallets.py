"""wallets that belong to another one

Revision: 0046, after 0048.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sub_wallet_orders",
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("wallet", sa.Integer(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(36), nullable=False),
        sa.Column("order_payload", sa.LargeBinary(), nullable=False),
        sa.Column("order_signature", sa.LargeBinary(64), nullable=False),
    )
    op.create_index("sub_wallet_orders_by_wallet", "sub_wallet_orders", ["wallet", "position"])
    op.create_index("sub_wallet_orders_by_parent", "sub_wallet_orders", ["parent", "position"])


def downgrade() -> None:
    op.drop_index("sub_wallet_orders_by_parent", "sub_wallet_orders")
    op.drop_index("sub_wallet_orders_by_wallet", "sub_wallet_orders")
    op.drop_table("sub_wallet_orders")
