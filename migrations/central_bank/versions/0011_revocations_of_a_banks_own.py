"""what is revoked names bank and key; whose keys tokens were made for

Revision: 0011, after 0010.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BY_OFFICER = -1


def upgrade() -> None:
    with op.batch_alter_table("tokens") as batch_op:
        batch_op.add_column(
            sa.Column("owner", sa.LargeBinary(32), nullable=False, server_default="")
        )
    # As it stands in the token.
    op.execute("UPDATE tokens SET owner = substr(body, 26, 32)")
    with op.batch_alter_table("tokens") as batch_op:
        batch_op.alter_column("owner", server_default=None)
        batch_op.create_index("tokens_by_owner", ["owner"])
    connection = op.get_bind()
    banks = connection.execute(sa.text("SELECT id, name FROM banks")).all()
    names = {row.id: row.name for row in banks}
    before = connection.execute(
        sa.text("SELECT device_key, bank, cause, time_ms FROM revoked_devices")
    ).all()
    op.drop_index("revoked_devices_by_bank", "revoked_devices")
    op.drop_table("revoked_devices")
    made = op.create_table(
        "revoked_devices",
        sa.Column("revocation", sa.LargeBinary(32), nullable=False),
        sa.Column("bank", sa.Integer(), nullable=False),
        sa.Column("by_officer", sa.SmallInteger(), nullable=False),
        sa.Column("cause", sa.String(200), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("revocation"),
    )
    op.create_index("revoked_devices_by_bank", "revoked_devices", ["bank", "time_ms"])
    rows = [
        {
            "revocation": _revocation(names[bank], bytes(row.device_key)),
            "bank": bank,
            "by_officer": int(row.bank == _BY_OFFICER),
            "cause": row.cause,
            "time_ms": row.time_ms,
        }
        for row in before
        # An officer had named the key of whatever bank.
        for bank in (names if row.bank == _BY_OFFICER else [row.bank])
    ]
    if rows:
        op.bulk_insert(made, rows)


def downgrade() -> None:
    # Which keys they were cannot be told: what stood for the key is put in its place.
    connection = op.get_bind()
    before = connection.execute(
        sa.text("SELECT revocation, bank, by_officer, cause, time_ms FROM revoked_devices")
    ).all()
    op.drop_index("revoked_devices_by_bank", "revoked_devices")
    op.drop_table("revoked_devices")
    made = op.create_table(
        "revoked_devices",
        sa.Column("device_key", sa.LargeBinary(32), nullable=False),
        sa.Column("bank", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(200), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_key"),
    )
    op.create_index("revoked_devices_by_bank", "revoked_devices", ["bank", "time_ms"])
    rows = [
        {
            "device_key": bytes(row.revocation),
            "bank": _BY_OFFICER if row.by_officer else row.bank,
            "cause": row.cause,
            "time_ms": row.time_ms,
        }
        for row in before
    ]
    if rows:
        op.bulk_insert(made, rows)
    with op.batch_alter_table("tokens") as batch_op:
        batch_op.drop_index("tokens_by_owner")
        batch_op.drop_column("owner")


def _revocation(bank: str, key: bytes) -> bytes:
    """As docs/explanation/offline_token.md says."""
    named = b"D" + bank.encode().ljust(16, b"\0") + key
    return hashlib.sha256(b"dcep-offline:revoked/v1\0" + named).digest()
