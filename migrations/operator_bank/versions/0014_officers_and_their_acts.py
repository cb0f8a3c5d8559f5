"""officers and their acts, and to whom an entry in suspense was paid

Revision: 0014, after 0013.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
What officers did before acts were signed stays in the journal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "officer_founding",
        sa.Column("institution", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("institution"),
    )
    op.create_table(
        "officers",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("rights", sa.BigInteger(), nullable=False),
        sa.Column("registered_by", sa.Integer(), nullable=False),
        sa.Column("removed_by", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "officer_credentials",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("signing_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("officer", sa.String(length=32), nullable=False),
        sa.Column("registered_by", sa.Integer(), nullable=False),
        sa.Column("from_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_time_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "signing_key"),
    )
    op.create_table(
        "officer_acts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("act_id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("proposer", sa.String(length=32), nullable=False),
        sa.Column("proposal", sa.LargeBinary(), nullable=False),
        sa.Column("proposal_signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("proposed_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("decider", sa.String(length=32), nullable=False),
        sa.Column("decision", sa.LargeBinary(), nullable=False),
        sa.Column("decision_signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("decided_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("act_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("officer_acts", schema=None) as batch_op:
        batch_op.create_index("officer_acts_by_state", ["state", "expires_time_ms"], unique=False)
        batch_op.create_index("officer_acts_by_proposer", ["proposer", "state"], unique=False)
    with op.batch_alter_table("suspense", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("paid_to", sa.String(length=16), nullable=False, server_default="")
        )
    op.execute(
        "UPDATE suspense SET paid_to = (SELECT wallet FROM office_acts"
        " WHERE act = 'pay' AND office_acts.position = suspense.position) WHERE paid = 1"
    )
    with op.batch_alter_table("suspense", schema=None) as batch_op:
        batch_op.alter_column("paid_to", server_default=None)
    op.drop_table("office_acts")


def downgrade() -> None:
    op.create_table(
        "office_acts",
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("act", sa.String(length=10), nullable=False),
        sa.Column("wallet", sa.String(length=16), nullable=False),
        sa.Column("officer", sa.String(length=128), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
    )
    with op.batch_alter_table("suspense", schema=None) as batch_op:
        batch_op.drop_column("paid_to")
    for table in ("officer_acts", "officer_credentials", "officers", "officer_founding"):
        op.drop_table(table)
