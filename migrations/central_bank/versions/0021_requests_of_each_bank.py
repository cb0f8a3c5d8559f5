"""a request's id is its bank's own

Revision: 0021, after 0020.

A migration never loses a row that a service acknowledged, goes up and down,
and leaves the tables exactly as tables.py declares them (a test compares).
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_NAMES = {"uq": "%(table_name)s_%(column_0_N_name)s_key"}
_OF_ALL, _OF_EACH = "issuance_requests_request_id_key", "issuance_requests_bank_request_id_key"


def upgrade() -> None:
    _exchange(_OF_ALL, _OF_EACH, ["bank", "request_id"])


def downgrade() -> None:
    _exchange(_OF_EACH, _OF_ALL, ["request_id"])


def _exchange(before: str, after: str, columns: list[str]) -> None:
    """Which columns together are in one row alone."""
    with op.batch_alter_table(
        "issuance_requests",
        naming_convention=_NAMES,
        table_kwargs={"sqlite_autoincrement": True},
    ) as table:
        table.drop_constraint(before, type_="unique")
        table.create_unique_constraint(after, columns)
