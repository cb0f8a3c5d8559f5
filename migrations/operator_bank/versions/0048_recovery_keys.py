"""recovery keys, and keys that replace others on the word of one, or of the key before

Revision: 0048, after 0044.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0044"
branch_labels = None
depends_on = None

_OFFICERS = 1
_KEPT = (
    "act, {digest}, number, public_key, approved_time_ms, due_time_ms, state, key_number, "
    "position, ended_time_ms, objection, objection_signature"
)


def upgrade() -> None:
    for name, kind in (
        ("recovery", sa.LargeBinary()),
        ("recovery_signature", sa.LargeBinary(64)),
        ("recovery_key", sa.LargeBinary(32)),
    ):
        op.add_column("key_requests", sa.Column(name, kind, nullable=True))
    _drop_indexes()
    op.rename_table("key_replacements", "key_replacements_before")
    op.create_table(
        "key_replacements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.SmallInteger(), nullable=False),
        sa.Column("act", sa.Integer(), nullable=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        *_of_both(),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("signature", sa.LargeBinary(64), nullable=True),
        sa.Column("recovery_key", sa.LargeBinary(32), nullable=True),
        *_objections(),
        sa.Column("cancelled_by", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="key_replacements_by_id"),
        sqlite_autoincrement=True,
    )
    into, values = _KEPT.format(digest="digest"), _KEPT.format(digest="act_digest")
    op.execute(
        f"INSERT INTO key_replacements (cause, {into})"  # noqa: S608
        f" SELECT {_OFFICERS}, {values} FROM key_replacements_before ORDER BY act"
    )
    op.drop_table("key_replacements_before")
    op.create_index("key_replacements_by_act", "key_replacements", ["act"], unique=True)
    _create_indexes()
    op.create_table(
        "recovery_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recovery_key", sa.LargeBinary(32), nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("key_number", sa.Integer(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("recovery_keys_by_key", "recovery_keys", ["recovery_key"], unique=True)
    op.create_index("recovery_keys_by_number", "recovery_keys", ["number", "key_number"])


def downgrade() -> None:
    """Of keys that no officers have approved, none can be said in the tables of before."""
    op.drop_index("recovery_keys_by_number", table_name="recovery_keys")
    op.drop_index("recovery_keys_by_key", table_name="recovery_keys")
    op.drop_table("recovery_keys")
    op.drop_index("key_replacements_by_act", table_name="key_replacements")
    _drop_indexes()
    op.rename_table("key_replacements", "key_replacements_after")
    op.create_table(
        "key_replacements",
        sa.Column("act", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("act_digest", sa.LargeBinary(32), nullable=False),
        *_of_both(),
        *_objections(),
        sa.PrimaryKeyConstraint("act", name="key_replacements_by_its_act"),
    )
    into, values = _KEPT.format(digest="act_digest"), _KEPT.format(digest="digest")
    op.execute(
        f"INSERT INTO key_replacements ({into})"  # noqa: S608
        f" SELECT {values} FROM key_replacements_after WHERE act IS NOT NULL ORDER BY act"
    )
    op.drop_table("key_replacements_after")
    _create_indexes()
    with op.batch_alter_table("key_requests") as changed:
        for name in ("recovery_key", "recovery_signature", "recovery"):
            changed.drop_column(name)


def _of_both() -> list[sa.Column]:
    return [
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("approved_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("key_number", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("ended_time_ms", sa.BigInteger(), nullable=False),
    ]


def _objections() -> list[sa.Column]:
    return [
        sa.Column("objection", sa.LargeBinary(), nullable=True),
        sa.Column("objection_signature", sa.LargeBinary(64), nullable=True),
    ]


def _create_indexes() -> None:
    op.create_index("key_replacements_by_number", "key_replacements", ["number", "state"])
    op.create_index("key_replacements_by_state", "key_replacements", ["state"])


def _drop_indexes() -> None:
    op.drop_index("key_replacements_by_state", table_name="key_replacements")
    op.drop_index("key_replacements_by_number", table_name="key_replacements")
