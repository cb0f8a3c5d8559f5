"""limits of wallets are the central bank's, and each telephone number's wallets are counted

Revision: 0038, after 0037.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("key_successions", "announcements")
    op.create_index("customers_by_phone", "customers", ["phone"])


def downgrade() -> None:
    op.drop_index("customers_by_phone", "customers")
    op.rename_table("announcements", "key_successions")
