"""the ways of a token's pieces lie beside each other

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

_COLUMNS = "piece_id, spent_by, token_id, hop, retired_fen, bank, number, time_ms"


def upgrade() -> None:
    _make_anew("token_id", "piece_id", "spent_by")


def downgrade() -> None:
    _make_anew("piece_id", "spent_by")
    with op.batch_alter_table("pieces", schema=None) as batch_op:
        batch_op.create_index("pieces_by_token", ["token_id"], unique=False)


def _make_anew(*key: str) -> None:
    op.rename_table("pieces", "pieces_before")
    op.create_table(
        "pieces",
        sa.Column("token_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("piece_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("spent_by", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hop", sa.LargeBinary(), nullable=False),
        sa.Column("retired_fen", sa.BigInteger(), nullable=False),
        sa.Column("bank", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*key),
    )
    op.execute(f"INSERT INTO pieces ({_COLUMNS}) SELECT {_COLUMNS} FROM pieces_before")
    op.drop_table("pieces_before")
