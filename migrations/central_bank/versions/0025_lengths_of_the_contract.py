"""columns as long as the contract's fields

Revision: 0025, after 0024.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

LENGTHS = (
    ("officer_founding", "institution", 32, 16),
    ("banks", "name", 32, 16),
    ("banks", "inner_address", 255, 206),
    ("officer_acts", "kind", 32, 40),
    ("refused_deposits", "verdict", 64, 40),
)


def upgrade() -> None:
    for name, column, before, after in LENGTHS:
        _resize(name, column, before, after)


def downgrade() -> None:
    for name, column, before, after in LENGTHS:
        _resize(name, column, after, before)


def _resize(name: str, column: str, before: int, after: int) -> None:
    with op.batch_alter_table(name) as table:
        table.alter_column(
            column,
            existing_type=sa.String(before),
            type_=sa.String(after),
            existing_nullable=False,
        )
