"""Keeps where the database ended when the bank began to ask whether it is the newest copy.

What is written before the central bank answers may be another history: somebody may have put an
older copy in place, and the bank goes on from it. So only what was there before shows how far this
database reaches, however often the bank is started until it is answered.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, insert, select

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
        query = select(table.position, table.acts_number, table.acts_hash)
        row = database.read(lambda c: c.execute(query).first())
        self.ends = Ends(row[0], ActsPlace(row[1], bytes(row[2]))) if row is not None else None

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

    def end(self) -> None:
        """The central bank has confirmed that the database is the newest copy."""
        if self.ends is None:
            return
        self._database.transaction(lambda c: c.execute(delete(feed_doubt)))
        self.ends = None
