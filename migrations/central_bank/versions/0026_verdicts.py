"""verdicts on offline payments as the contract numbers them

Revision: 0026, after 0025.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

NAMES = (
    *("", "UNREADABLE", "BUNDLE_FORGED", "BUNDLE_TOO_OLD", "TOKEN_FORGED", "TOKEN_EXPIRED"),
    *("TOKEN_TWICE", "VALUE_TOO_LARGE", "TOO_MANY_HOPS", "BANK_UNKNOWN", "DEVICE_FORGED"),
    *("DEVICE_EXPIRED", "DEVICE_REVOKED", "NOT_THE_OWNER", "OUTPUT_INVALID", "AMOUNT_INVALID"),
    *("ENDORSEMENT_FORGED", "NOT_FOR_THIS_PAYEE", "WRONG_CHALLENGE", "WRONG_AMOUNT"),
    *("PAYMENT_TOO_LARGE", "DEPOSIT_FORGED", "DEVICE_UNCLEAR", "SPENT_TWICE", "NOT_REGISTERED"),
)

COUNTING = {"sqlite_autoincrement": True}


def upgrade() -> None:
    _replace(sa.SmallInteger(), {name: number for number, name in enumerate(NAMES)})
    if op.get_bind().dialect.name == "sqlite":
        # Copied by an earlier migration, which forgot that its numbers are never used again.
        with op.batch_alter_table("officer_acts", recreate="always", table_kwargs=COUNTING):
            pass


def downgrade() -> None:
    _replace(sa.String(40), dict(enumerate(NAMES)))


def _replace(its_type: sa.types.TypeEngine, values: dict) -> None:
    """Gives the column another type, each row with the value for its old one."""
    op.alter_column("refused_deposits", "verdict", new_column_name="old_verdict")
    op.add_column("refused_deposits", sa.Column("verdict", its_type, nullable=True))
    rows = sa.table("refused_deposits", sa.column("old_verdict"), sa.column("verdict"))
    for before, after in values.items():
        op.execute(rows.update().where(rows.c.old_verdict == before).values(verdict=after))
    with op.batch_alter_table("refused_deposits") as table:
        table.alter_column("verdict", existing_type=its_type, nullable=False)
        table.drop_column("old_verdict")
