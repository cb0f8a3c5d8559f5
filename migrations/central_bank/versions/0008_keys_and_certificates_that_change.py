"""certificates and keys of banks have their times

Revision: 0008, after 0007.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bank_certificates",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("bank", sa.Integer(), nullable=False),
        sa.Column("act", sa.Integer(), nullable=False),
        sa.Column("from_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_table(
        "bank_keys",
        sa.Column("business_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("bank", sa.Integer(), nullable=False),
        sa.Column("act", sa.Integer(), nullable=False),
        sa.Column("from_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.SmallInteger(), nullable=False),
        sa.Column("offline_certificate", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("business_key"),
    )
    op.execute(
        "INSERT INTO bank_certificates"
        " (fingerprint, bank, act, from_time_ms, until_time_ms, revoked)"
        " SELECT certificate_fingerprint, id, 0, 1, 0, 0 FROM banks"
    )
    op.execute(
        "INSERT INTO bank_keys"
        " (business_key, bank, act, from_time_ms, until_time_ms, revoked, offline_certificate)"
        " SELECT business_key, id, 0, 1, 0, 0, offline_certificate FROM banks"
    )
    with op.batch_alter_table("banks", copy_from=_banks()) as batch:
        for column in ("certificate_fingerprint", "business_key", "offline_certificate"):
            batch.drop_column(column)


def downgrade() -> None:
    with op.batch_alter_table("banks") as batch:
        batch.add_column(sa.Column("certificate_fingerprint", sa.String(length=64)))
        batch.add_column(sa.Column("business_key", sa.LargeBinary(length=32)))
        batch.add_column(sa.Column("offline_certificate", sa.LargeBinary()))
    newest = "WHERE bank = banks.id AND until_time_ms = 0"
    op.execute(
        "UPDATE banks SET"
        f" certificate_fingerprint = (SELECT fingerprint FROM bank_certificates {newest}),"
        f" business_key = (SELECT business_key FROM bank_keys {newest}),"
        f" offline_certificate = (SELECT offline_certificate FROM bank_keys {newest})"
    )
    with op.batch_alter_table("banks") as batch:
        for column in ("certificate_fingerprint", "business_key", "offline_certificate"):
            batch.alter_column(column, nullable=False)
        batch.create_unique_constraint(
            "banks_certificate_fingerprint_key", ["certificate_fingerprint"]
        )
    op.drop_table("bank_keys")
    op.drop_table("bank_certificates")


def _banks() -> sa.Table:
    """The table as it was; what was unique of the columns that go goes with them."""
    return sa.Table(
        "banks",
        sa.MetaData(),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("prefix", sa.String(length=4), nullable=False),
        sa.Column("certificate_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("business_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("inner_address", sa.String(length=255), nullable=False),
        sa.Column("suspended", sa.SmallInteger(), nullable=False),
        sa.Column("offline_certificate", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("prefix"),
    )
