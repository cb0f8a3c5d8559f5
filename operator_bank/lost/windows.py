"""Knows which entries of the feed may speak of what this database has lost."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple

from sqlalchemy import Connection, select

from dcep.office.v1 import office_pb2
from operator_bank.lost.tables import come_backs
from operator_bank.tables import office
from runtime.database import Database
from runtime.remembered import Remembered


class Window(NamedTuple):
    """Entries after one and up to another, as two officers have named them."""

    incarnation: int
    after_number: int
    until_number: int
    next_number: int
    """Where the journal went on: whatever stands before is of the copy."""


class ComeBacks:
    """The windows that two officers each have named, oldest first. Any thread may ask."""

    def __init__(self, database: Database) -> None:
        self._remembered = Remembered(database, _read)

    def change(self) -> AbstractContextManager[None]:
        """A context for the transaction that writes a window."""
        return self._remembered.change()

    @property
    def incarnation(self) -> int:
        """Number of the central bank's act by which this bank last came back; 0 if it never did."""
        windows = self._remembered.now()
        return windows[-1].incarnation if windows else 0

    @property
    def went_on_at(self) -> int:
        """Where the journal went on when this bank last came back; 0 if it never did."""
        windows = self._remembered.now()
        return windows[-1].next_number if windows else 0

    def has(self, entry: int) -> bool:
        """Whether an entry may speak of what was lost."""
        return any(
            window.after_number < entry <= window.until_number for window in self._remembered.now()
        )

    def is_over(self, number: int) -> bool:
        """Whether a feed that has reached an entry has told all that was lost."""
        windows = self._remembered.now()
        return not windows or number >= windows[-1].until_number


def _read(connection: Connection) -> tuple[Window, ...]:
    acts = office.acts
    query = select(come_backs, acts.c.proposal).join(acts, acts.c.id == come_backs.c.act)
    rows = connection.execute(query.order_by(come_backs.c.act)).all()
    return tuple(
        Window(
            row.incarnation,
            row.after_number,
            row.until_number,
            office_pb2.OfficerAct.FromString(bytes(row.proposal)).come_back.next_number,
        )
        for row in rows
    )
