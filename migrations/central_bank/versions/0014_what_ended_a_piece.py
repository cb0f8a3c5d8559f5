"""of each refused deposit, the root's ruling on its piece

Revision: 0014, after 0013.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("refused_deposits", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("ruling", sa.LargeBinary(), nullable=False, server_default="")
        )
    with op.batch_alter_table("refused_deposits", schema=None) as batch_op:
        batch_op.alter_column("ruling", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("refused_deposits", schema=None) as batch_op:
        batch_op.drop_column("ruling")
