"""old keys

Revision: 0004, after 0003.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody wrote down how old keys from before 0003 are; they are kept as long as one of today.
    now_ms = time.time_ns() // 1_000_000
    devices = sa.table("devices", sa.column("live_until_ms", sa.BigInteger()))
    op.execute(devices.update().where(devices.c.live_until_ms == 0).values(live_until_ms=now_ms))
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.drop_index("devices_by_revocation")
        batch_op.create_index(
            "devices_by_revocation", ["revoked_time_ms", "live_until_ms"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.drop_index("devices_by_revocation")
        batch_op.create_index("devices_by_revocation", ["revoked_time_ms"], unique=False)
