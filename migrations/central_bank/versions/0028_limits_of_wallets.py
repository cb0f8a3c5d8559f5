"""limits of wallets are announced as changes of keys are

Revision: 0028, after 0027.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("key_successions", "announcements")


def downgrade() -> None:
    op.rename_table("announcements", "key_successions")
