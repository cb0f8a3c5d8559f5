"""pieces of tokens that ended long ago are forgotten, and what they came to is kept

Revision: 0018, after 0017.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pruned_pieces",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("retired_fen", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.LargeBinary(length=32), nullable=False),
        sa.Column("deposits", sa.LargeBinary(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("tokens") as batch:
        batch.add_column(sa.Column("pruned", sa.SmallInteger(), server_default="0", nullable=False))
        batch.add_column(
            sa.Column("pruned_fen", sa.BigInteger(), server_default="0", nullable=False)
        )
    with op.batch_alter_table("tokens") as batch:
        batch.alter_column("pruned", server_default=None)
        batch.alter_column("pruned_fen", server_default=None)
    op.create_index("tokens_by_pruning", "tokens", ["pruned", "expires_time_ms"])


def downgrade() -> None:
    op.drop_index("tokens_by_pruning", table_name="tokens")
    with op.batch_alter_table("tokens") as batch:
        batch.drop_column("pruned_fen")
        batch.drop_column("pruned")
    op.drop_table("pruned_pieces")
