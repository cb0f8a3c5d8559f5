"""each loss at the piece where more was claimed than there was

Revision: 0013, after 0012.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_REST = ("token_id", "device_key", "borne_by", "amount_fen", "bank", "number", "time_ms")


def upgrade() -> None:
    with op.batch_alter_table("pieces") as batch_op:
        batch_op.add_column(
            sa.Column("claimed_fen", sa.BigInteger(), nullable=False, server_default="0")
        )
    # What was lost further up is not known of the ways so far: they go on as if nothing was.
    op.execute("UPDATE pieces SET claimed_fen = retired_fen")
    with op.batch_alter_table("pieces") as batch_op:
        batch_op.alter_column("claimed_fen", server_default=None)
    before = _taken_away()
    for row in before:
        row["lost_at"] = row["piece_id"]
    _put(before, ["piece_id", "lost_at"])


def downgrade() -> None:
    whole: dict[bytes, dict[str, Any]] = {}
    for row in _taken_away():
        kept = whole.setdefault(row["piece_id"], {**row, "amount_fen": 0})
        kept["amount_fen"] += row["amount_fen"]
        kept.pop("lost_at", None)
    _put(list(whole.values()), ["piece_id"])
    with op.batch_alter_table("pieces") as batch_op:
        batch_op.drop_column("claimed_fen")


def _taken_away() -> list[dict[str, Any]]:
    """The rows of the table, which is there no more."""
    rows = op.get_bind().execute(sa.text("SELECT * FROM losses")).mappings().all()
    for name in ("losses_by_token", "losses_by_device"):
        op.drop_index(name, "losses")
    op.drop_table("losses")
    return [dict(row) for row in rows]


def _put(rows: list[dict[str, Any]], keys: list[str]) -> None:
    columns = [sa.Column(name, sa.LargeBinary(32), nullable=False) for name in keys]
    made = op.create_table(
        "losses",
        *columns,
        sa.Column("token_id", sa.LargeBinary(16), nullable=False),
        sa.Column("device_key", sa.LargeBinary(32), nullable=False),
        sa.Column("borne_by", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("bank", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*keys),
    )
    op.create_index("losses_by_token", "losses", ["token_id"])
    op.create_index("losses_by_device", "losses", ["device_key"])
    if rows:
        op.bulk_insert(made, [{name: row[name] for name in (*keys, *_REST)} for row in rows])
