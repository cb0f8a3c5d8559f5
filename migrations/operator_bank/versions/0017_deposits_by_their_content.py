"""a deposit that a later order names again is found by its content

Revision: 0017, after 0016.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("token_deposits_by_content", "token_deposits", ["wallet", "digest"])


def downgrade() -> None:
    op.drop_index("token_deposits_by_content", "token_deposits")
