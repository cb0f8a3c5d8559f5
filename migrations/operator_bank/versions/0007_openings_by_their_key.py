"""a wallet is asked for by its key and an id

Revision: 0007, after 0006.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# What PostgreSQL calls the constraint by itself; SQLite's has no name until it is given one.
_NAMING = {"uq": "%(table_name)s_%(column_0_name)s_key"}
# An id is never given twice, whatever is deleted.
_KEPT = {"table_kwargs": {"sqlite_autoincrement": True}}


def upgrade() -> None:
    with op.batch_alter_table(
        "wallets", schema=None, naming_convention=_NAMING, **_KEPT
    ) as batch_op:
        batch_op.drop_constraint("wallets_request_id_key", type_="unique")
        batch_op.create_index("wallets_by_request", ["request_id", "public_key"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("wallets", schema=None, **_KEPT) as batch_op:
        batch_op.drop_index("wallets_by_request")
        batch_op.create_unique_constraint("wallets_request_id_key", ["request_id"])
