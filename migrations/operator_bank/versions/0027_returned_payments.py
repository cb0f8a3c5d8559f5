"""payments that came back are called returned payments

Revision: 0027, after 0026.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("given_back", "returned_payments")


def downgrade() -> None:
    op.rename_table("returned_payments", "given_back")
