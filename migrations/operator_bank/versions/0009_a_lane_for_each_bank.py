"""a lane for each bank that is paid

Revision: 0009, after 0008.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

from dcep.registration.v1.registration_pb2 import OutboundPayment

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_PENDING = sa.text("state = 1")


def _index(name: str, table: str, columns: list[str]) -> None:
    op.create_index(name, table, columns, sqlite_where=_PENDING, postgresql_where=_PENDING)


def upgrade() -> None:
    op.drop_index("outbound_pending", "outbound")
    with op.batch_alter_table("outbound", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("destination", sa.String(4), nullable=False, server_default="")
        )
    with op.batch_alter_table("outbound", schema=None) as batch_op:
        batch_op.alter_column("destination", server_default=None)
    connection = op.get_bind()
    pending = sa.text("SELECT number, body FROM outbound WHERE state = 1 AND kind <> 'load'")
    sent_to = sa.text("UPDATE outbound SET destination = :prefix WHERE number = :number")
    for number, body in connection.execute(pending).all():
        prefix = OutboundPayment.FromString(bytes(body)).payee_number[:4]
        connection.execute(sent_to, {"prefix": prefix, "number": number})
    _index("outbound_pending", "outbound", ["destination", "number"])
    _index("token_deposits_pending", "token_deposits", ["id"])
    _index("token_deposits_pending_of", "token_deposits", ["wallet"])


def downgrade() -> None:
    op.drop_index("token_deposits_pending_of", "token_deposits")
    op.drop_index("token_deposits_pending", "token_deposits")
    op.drop_index("outbound_pending", "outbound")
    with op.batch_alter_table("outbound", schema=None) as batch_op:
        batch_op.drop_column("destination")
    _index("outbound_pending", "outbound", ["number", "kind"])
