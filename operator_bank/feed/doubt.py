"""Keeps where the database ended when the bank began to ask whether it is the newest copy.

What is written before the central bank answers may be another history: somebody may have put an
older copy in place, and the bank goes on from it. So only what was there before shows how far this
database reaches, however often the bank is started until it is answered.

That it is an older copy, once it was said, stays written down until officers have brought the bank
back: the central bank itself may be on an older copy at another time, and then knows nothing of it.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from officers.chain import Place as ActsPlace
from operator_bank.feed.tables import feed_doubt
from runtime.database import Database


class Ends(NamedTuple):
    """Where a database ended.

    Attributes:
        position: of the last record in the bank's journal.
        acts: of the chain of the officers' acts.
    """

    position: int
    acts: ActsPlace


class Doubt:
    """Whether the bank still asks, and where its database ended when it began to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        table = feed_doubt.c
        query = select(table.position, table.acts_number, table.acts_hash, table.behind)
        row = database.read(lambda c: c.execute(query).first())
        self.ends = Ends(row[0], ActsPlace(row[1], bytes(row[2]))) if row is not None else None
        self._behind: int | None = row.behind if row is not None else None

    def begin(self, ends: Ends) -> None:
        """Writes down where the database ends; if there was a doubt already, it stays as it was."""
        if self.ends is not None:
            return
        values = {
            "id": 1,
            "position": ends.position,
            "acts_number": ends.acts.number,
            "acts_hash": ends.acts.hash,
        }
        self._database.transaction(lambda c: c.execute(insert(feed_doubt), values))
        self.ends = ends

    def is_behind(self, incarnation: int) -> bool:
        """Whether the central bank has said that the database is an older copy, and officers have
        not brought the bank back since.

        Args:
            incarnation: of the bank now.
        """
        return self._behind is not None and incarnation <= self._behind

    def fall_behind(self, ends: Ends, incarnation: int) -> None:
        """Writes down that the central bank says that the database is an older copy.

        Args:
            ends: where it ends; it counts unless the bank began to ask before.
            incarnation: of the bank now.
        """
        if self.is_behind(incarnation):
            return
        self.begin(ends)
        self._database.transaction(
            lambda c: c.execute(update(feed_doubt).values(behind=incarnation)) and None
        )
        self._behind = incarnation

    def end(self) -> None:
        """The central bank has confirmed that the database is the newest copy."""
        if self.ends is None:
            return
        self._database.transaction(lambda c: c.execute(delete(feed_doubt)))
        self.ends = self._behind = None
