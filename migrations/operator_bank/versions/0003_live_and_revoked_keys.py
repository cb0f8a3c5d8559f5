"""live and revoked keys

Revision: 0003, after 0002.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Keys from before count as live from their next load: nobody wrote down when their last was.
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("live_until_ms", sa.BigInteger(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("revoked_time_ms", sa.BigInteger(), nullable=True))
        batch_op.create_index("devices_by_revocation", ["revoked_time_ms"], unique=False)
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.alter_column("live_until_ms", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.drop_index("devices_by_revocation")
        batch_op.drop_column("revoked_time_ms")
        batch_op.drop_column("live_until_ms")
