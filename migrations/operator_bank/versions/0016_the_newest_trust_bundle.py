"""the newest trust bundle, and refusals of deposits as they were signed

Revision: 0016, after 0015.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trust_bundle",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bundle", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("token_deposits", schema=None) as batch_op:
        batch_op.add_column(sa.Column("refusal", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("token_deposits", schema=None) as batch_op:
        batch_op.drop_column("refusal")
    op.drop_table("trust_bundle")
