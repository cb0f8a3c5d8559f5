"""one counter for each table whose numbers are never used again

Revision: 0027, after 0026.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

COUNTED = ("evidence", "issuance_requests", "officer_acts")


def upgrade() -> None:
    """SQLite"s own counters alone; a table that was copied may have two, or none."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    counters = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
    for name in COUNTED:
        own = counters.c.name == name
        given = [
            connection.execute(sa.select(sa.func.max(counters.c.seq)).where(own)).scalar(),
            connection.execute(sa.text(f"SELECT max(id) FROM {name}")).scalar(),
        ]
        connection.execute(counters.delete().where(own))
        newest = max(number or 0 for number in given)
        connection.execute(counters.insert().values(name=name, seq=newest))


def downgrade() -> None:
    """Counters are as right for the tables of before."""
