"""lists of wallets' signers, their keys, and what several have signed

Revision: 0050, after 0054.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signer_lists",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("key_number", sa.Integer(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("gives_up_recovery", sa.Boolean(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("signer_lists_by_number", "signer_lists", ["number", "key_number"], unique=True)
    op.create_table(
        "signer_keys",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("since_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", "public_key"),
    )
    op.create_table(
        "signer_signatures",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("position", "place"),
    )


def downgrade() -> None:
    op.drop_table("signer_signatures")
    op.drop_table("signer_keys")
    op.drop_index("signer_lists_by_number", table_name="signer_lists")
    op.drop_table("signer_lists")
