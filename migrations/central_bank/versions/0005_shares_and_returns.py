"""a bank's share of what is revoked, and what was given back

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


def upgrade() -> None:
    op.create_table(
        "returned_payments",
        sa.Column("bank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("by_bank", sa.Integer(), nullable=False),
        sa.Column("by_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank", "number"),
    )
    # What was revoked before counts as an officer's word, which is always in the bundle.
    with op.batch_alter_table("revoked_devices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("bank", sa.Integer(), nullable=False, server_default="-1"))
    with op.batch_alter_table("revoked_devices", schema=None) as batch_op:
        batch_op.alter_column("bank", server_default=None)
        batch_op.create_index("revoked_devices_by_bank", ["bank", "time_ms"], unique=False)
    op.create_index("evidence_by_token", "evidence", ["token_id"])
    op.create_index("office_requests_by_state", "office_requests", ["state", "bank"])


def downgrade() -> None:
    op.drop_index("office_requests_by_state", "office_requests")
    op.drop_index("evidence_by_token", "evidence")
    with op.batch_alter_table("revoked_devices", schema=None) as batch_op:
        batch_op.drop_index("revoked_devices_by_bank")
        batch_op.drop_column("bank")
    op.drop_table("returned_payments")
