"""of each refused deposit, what was deposited

Revision: 0010, after 0009.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("refused_deposits", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("digest", sa.LargeBinary(length=32), nullable=False, server_default="")
        )
    with op.batch_alter_table("refused_deposits", schema=None) as batch_op:
        batch_op.alter_column("digest", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("refused_deposits", schema=None) as batch_op:
        batch_op.drop_column("digest")
