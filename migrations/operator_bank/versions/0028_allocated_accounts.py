"""which account is whose stands in a table, and a wallet's row is written with its accounts

Revision: 0028, after 0027.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "accounts",
        sa.Column("number", number, primary_key=True, autoincrement=False),
        sa.Column("owner", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.UniqueConstraint("owner", "purpose"),
    )
    # A wallet whose opening was cut short was never told of; its holder asks again.
    op.execute("DELETE FROM wallets WHERE number IS NULL")
    with op.batch_alter_table("wallets") as table:
        table.alter_column("number", existing_type=sa.String(16), nullable=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE wallets ALTER COLUMN id DROP DEFAULT")
        op.execute("DROP SEQUENCE wallets_id_seq")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE wallets_id_seq OWNED BY wallets.id")
        last = "SELECT COALESCE(MAX(id), 0) + 1 FROM wallets"
        op.execute(f"SELECT setval('wallets_id_seq', ({last}))")
        op.execute("ALTER TABLE wallets ALTER COLUMN id SET DEFAULT nextval('wallets_id_seq')")
    with op.batch_alter_table("wallets", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.alter_column("number", existing_type=sa.String(16), nullable=True)
    op.drop_table("accounts")
