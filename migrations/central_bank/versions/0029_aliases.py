"""the directory of aliases, and what banks have used up of it

Revision: 0029, after 0028.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alias_directory",
        sa.Column("label", sa.LargeBinary(32), nullable=False),
        sa.Column("bank", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.Column("quiet_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("claim_bank", sa.Integer(), nullable=False),
        sa.Column("claim_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("claim_payload", sa.LargeBinary(), nullable=False),
        sa.Column("claim_signature", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("label"),
    )
    op.create_index("alias_directory_by_bank", "alias_directory", ["bank", "label"])
    where = sa.text("claim_bank >= 0")
    op.create_index(
        "alias_directory_claims",
        "alias_directory",
        ["claim_bank"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        "alias_budgets",
        sa.Column("bank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("lookups", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("bank"),
    )


def downgrade() -> None:
    op.drop_table("alias_budgets")
    op.drop_index("alias_directory_claims", table_name="alias_directory")
    op.drop_index("alias_directory_by_bank", table_name="alias_directory")
    op.drop_table("alias_directory")
