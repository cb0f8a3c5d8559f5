"""what is known of customers is sealed, with what they have shown

Revision: 0040, after 0042.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unsealed_customers",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
    )
    # The bank has the key, and seals them when it starts.
    op.execute("INSERT INTO unsealed_customers SELECT id, name, phone FROM customers")
    op.drop_index("customers_by_phone", "customers")
    with op.batch_alter_table("customers") as table:
        table.add_column(
            sa.Column("sealed", sa.LargeBinary(), nullable=False, server_default=sa.text("''"))
        )
        table.add_column(
            sa.Column("sealed_by", sa.SmallInteger(), nullable=False, server_default="0")
        )
        table.add_column(sa.Column("phone_key", sa.LargeBinary(16), nullable=True))
        table.add_column(sa.Column("document_key", sa.LargeBinary(16), nullable=True))
        table.add_column(sa.Column("holder_digest", sa.LargeBinary(32), nullable=True))
        table.drop_column("name")
        table.drop_column("phone")
    with op.batch_alter_table("customers") as table:
        table.alter_column("sealed", server_default=None)
        table.alter_column("sealed_by", server_default=None)
    with op.batch_alter_table("opening_orders") as table:
        table.add_column(sa.Column("shown", sa.SmallInteger(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE opening_orders SET shown = COALESCE((SELECT shown FROM customers"
        " WHERE customers.id = opening_orders.wallet), 0)"
    )
    with op.batch_alter_table("opening_orders") as table:
        table.alter_column("shown", server_default=None)
    op.create_index("customers_by_phone", "customers", ["phone_key"])
    op.create_index("customers_by_document", "customers", ["document_key"])


def downgrade() -> None:
    sealed = "SELECT count(*) FROM customers WHERE sealed_by <> 0"
    if op.get_bind().execute(sa.text(sealed)).scalar_one():
        raise RuntimeError(
            "customers are sealed by the bank's key, and this step has none: "
            "there is no way back but a copy of before"
        )
    for name in ("customers_by_document", "customers_by_phone"):
        op.drop_index(name, "customers")
    with op.batch_alter_table("customers") as table:
        table.add_column(
            sa.Column("name", sa.String(64), nullable=False, server_default=sa.text("''"))
        )
        table.add_column(
            sa.Column("phone", sa.String(20), nullable=False, server_default=sa.text("''"))
        )
        for name in ("sealed", "sealed_by", "phone_key", "document_key", "holder_digest"):
            table.drop_column(name)
    for name in ("name", "phone"):
        op.execute(
            f"UPDATE customers SET {name} ="
            f" (SELECT {name} FROM unsealed_customers WHERE unsealed_customers.id = customers.id)"
        )
    with op.batch_alter_table("customers") as table:
        table.alter_column("name", server_default=None)
        table.alter_column("phone", server_default=None)
    with op.batch_alter_table("opening_orders") as table:
        table.drop_column("shown")
    op.create_index("customers_by_phone", "customers", ["phone"])
    op.drop_table("unsealed_customers")
