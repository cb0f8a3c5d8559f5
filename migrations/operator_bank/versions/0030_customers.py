"""customers apart from wallets

Revision: 0030, after 0029.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("shown", sa.SmallInteger(), nullable=False),
        sa.Column("since_time_ms", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "opening_orders",
        sa.Column("wallet", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("order_payload", sa.LargeBinary(), nullable=False),
        sa.Column("order_signature", sa.LargeBinary(64), nullable=False),
    )
    # What was shown: 1 a phone, 2 a name.
    op.execute(
        "INSERT INTO customers SELECT id, holder_name, phone,"
        " CASE WHEN phone <> '' THEN 1 ELSE 0 END + CASE WHEN holder_name <> '' THEN 2 ELSE 0 END,"
        " opened_time_ms FROM wallets"
    )
    op.execute(
        "INSERT INTO opening_orders SELECT id, digest, order_payload, order_signature FROM wallets"
    )
    op.add_column("wallets", sa.Column("customer", sa.Integer(), nullable=True))
    op.execute("UPDATE wallets SET customer = id")
    with op.batch_alter_table("wallets") as table:
        for name in ("holder_name", "phone", "digest", "order_payload", "order_signature"):
            table.drop_column(name)


def downgrade() -> None:
    with op.batch_alter_table("wallets") as table:
        table.add_column(sa.Column("holder_name", sa.String(64), nullable=True))
        table.add_column(sa.Column("phone", sa.String(20), nullable=True))
        for name, length in (("digest", 32), ("order_payload", None), ("order_signature", 64)):
            table.add_column(sa.Column(name, sa.LargeBinary(length), nullable=True))
    known = "(SELECT {} FROM customers WHERE customers.id = wallets.customer)"
    for column, kept in (("holder_name", "name"), ("phone", "phone")):
        op.execute(f"UPDATE wallets SET {column} = COALESCE({known.format(kept)}, '')")
    for column in ("digest", "order_payload", "order_signature"):
        op.execute(
            f"UPDATE wallets SET {column} ="
            f" (SELECT {column} FROM opening_orders WHERE opening_orders.wallet = wallets.id)"
        )
    with op.batch_alter_table("wallets") as table:
        for name in ("holder_name", "phone", "digest", "order_payload", "order_signature"):
            table.alter_column(name, nullable=False)
        table.drop_column("customer")
    op.drop_table("opening_orders")
    op.drop_table("customers")
