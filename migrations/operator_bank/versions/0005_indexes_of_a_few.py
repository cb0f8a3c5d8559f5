"""of what went out only a few are indexed

Revision: 0005, after 0004.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BIG, _NUMBER = sa.BigInteger(), sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PENDING, _A_LOAD = sa.text("state = 1"), sa.text("kind = 'load'")


def upgrade() -> None:
    with op.batch_alter_table("outbound", schema=None) as batch_op:
        batch_op.drop_index("outbound_by_order")
        batch_op.drop_index("outbound_by_state")
        batch_op.alter_column("number", type_=_NUMBER, existing_type=_BIG, existing_nullable=False)
    op.create_index(
        "outbound_pending",
        "outbound",
        ["number", "kind"],
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    op.create_index(
        "outbound_loads",
        "outbound",
        ["account", "sequence"],
        sqlite_where=_A_LOAD,
        postgresql_where=_A_LOAD,
    )


def downgrade() -> None:
    op.drop_index("outbound_loads", "outbound")
    op.drop_index("outbound_pending", "outbound")
    with op.batch_alter_table("outbound", schema=None) as batch_op:
        batch_op.alter_column("number", type_=_BIG, existing_type=_NUMBER, existing_nullable=False)
        batch_op.create_index("outbound_by_order", ["account", "sequence"], unique=False)
        batch_op.create_index("outbound_by_state", ["state", "number"], unique=False)
