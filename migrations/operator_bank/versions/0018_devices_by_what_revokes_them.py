"""of each device, what a trust bundle lists when it is revoked

Revision: 0018, after 0017.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("devices") as batch_op:
        batch_op.add_column(
            sa.Column("revocation", sa.LargeBinary(32), nullable=False, server_default="")
        )
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT device_key, certificate FROM devices")).all()
    for row in rows:
        # The certificate begins with kind, bank and key: docs/explanation/offline_token.md.
        head = b"dcep-offline:revoked/v1\0" + bytes(row.certificate)[:49]
        connection.execute(
            sa.text("UPDATE devices SET revocation = :revocation WHERE device_key = :key"),
            {"revocation": hashlib.sha256(head).digest(), "key": row.device_key},
        )
    with op.batch_alter_table("devices") as batch_op:
        batch_op.alter_column("revocation", server_default=None)
        batch_op.create_index("devices_by_their_revocation", ["revocation"])


def downgrade() -> None:
    with op.batch_alter_table("devices") as batch_op:
        batch_op.drop_index("devices_by_their_revocation")
        batch_op.drop_column("revocation")
