"""purposes and subjects as the contract numbers them

Revision: 0032, after 0031.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# Table, column of words, column of numbers, and which number each word has.
COLUMNS = (
    (
        "suspense",
        "kind",
        "purpose",
        {"payment": 1, "return": 2, "offline-deposit": 9, "offline-restore": 10},
    ),
    ("lost_moves", "kind", "purpose", {"payment": 1, "redemption": 6, "load": 8}),
    (
        "contradictions",
        "about",
        "subject",
        {"central keys": 1, "trust bundle": 2, "officers' acts": 3},
    ),
)


def upgrade() -> None:
    for name, word, number, numbers in COLUMNS:
        _replace(name, word, sa.Column(number, sa.SmallInteger(), nullable=True), numbers)


def downgrade() -> None:
    for name, word, number, numbers in COLUMNS:
        words = {number: word for word, number in numbers.items()}
        _replace(name, number, sa.Column(word, sa.String(16), nullable=True), words)


def _replace(name: str, old: str, column: sa.Column, values: dict) -> None:
    """Puts a column in the place of another one, each row with the value for its old one."""
    op.add_column(name, column)
    rows = sa.table(name, sa.column(old), sa.column(column.name))
    for before, after in values.items():
        op.execute(rows.update().where(rows.c[old] == before).values({column.name: after}))
    with op.batch_alter_table(name) as table:
        table.alter_column(column.name, existing_type=column.type, nullable=False)
        table.drop_column(old)
