"""aliases of wallets, and how many each holder has looked for

Revision: 0045, after 0046.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0046"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "aliases",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("wallet", sa.String(16), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("label", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_by", sa.SmallInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("private", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("live", sa.SmallInteger(), nullable=False),
        sa.Column("to_tell", sa.SmallInteger(), nullable=False),
        sa.Column("since_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("asked_day", sa.Integer(), nullable=False),
        sa.Column("asked_count", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.Column("end_payload", sa.LargeBinary(), nullable=False),
        sa.Column("end_signature", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    live, to_tell = sa.text("live = 1"), sa.text("to_tell > 0")
    op.create_index(
        "aliases_by_label",
        "aliases",
        ["label"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
    op.create_index("aliases_by_wallet", "aliases", ["wallet", "number"])
    op.create_index(
        "aliases_to_tell", "aliases", ["number"], sqlite_where=to_tell, postgresql_where=to_tell
    )
    op.create_table(
        "alias_lookups",
        sa.Column("holder", sa.LargeBinary(16), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("lookups", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("holder"),
    )


def downgrade() -> None:
    op.drop_table("alias_lookups")
    for index in ("to_tell", "by_wallet", "by_label"):
        op.drop_index(f"aliases_{index}", table_name="aliases")
    op.drop_table("aliases")
