"""payments that their payee could not take are called undeliverable

Revision: 0025, after 0024.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rename("diverted", "undeliverable")


def downgrade() -> None:
    _rename("undeliverable", "diverted")


def _rename(before: str, after: str) -> None:
    op.drop_index(f"{before}_by_state", before)
    op.rename_table(before, after)
    op.create_index(f"{after}_by_state", after, ["returned", "position"])
