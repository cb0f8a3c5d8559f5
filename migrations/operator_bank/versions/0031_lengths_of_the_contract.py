"""columns as long as the contract's fields

Revision: 0031, after 0030.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

LENGTHS = (
    ("officer_founding", "institution", 32, 16),
    ("officer_acts", "kind", 32, 40),
    ("contradictions", "cause", 400, 1000),
    ("lost_moves", "payment_id", 80, 48),
    ("suspense", "payment_id", 80, 48),
    ("token_deposits", "verdict", 64, 40),
    ("undeliverable", "payment_id", 80, 48),
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
