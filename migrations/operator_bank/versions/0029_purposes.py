"""what each movement was for

Revision: 0029, after 0028.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payments RENAME COLUMN spare TO purpose")


def downgrade() -> None:
    op.execute("ALTER TABLE payments RENAME COLUMN purpose TO spare")
