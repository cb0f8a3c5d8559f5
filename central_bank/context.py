"""What every room of the central bank works with."""

from __future__ import annotations

from dataclasses import dataclass

from central_bank.authentication.banks import Registry
from central_bank.ledger.standing import Standing
from runtime.clock import Clock
from runtime.database import Database
from settlement.build import LedgerBundle
from settlement.history import History
from settlement.ledger import Ledger


@dataclass(frozen=True)
class Context:
    """What every room of the central bank works with.

    Attributes:
        database: where rows are written and read.
        books: the recovered core, its journal and what follows it.
        registry: the admitted banks.
        clock: the time.
        standing: whether the database is an older copy.
    """

    database: Database
    books: LedgerBundle
    registry: Registry
    clock: Clock
    standing: Standing

    @property
    def ledger(self) -> Ledger:
        """Where records are submitted and accounts are read."""
        return self.books.ledger

    @property
    def history(self) -> History:
        """Where records of the past are looked up."""
        return self.books.history
