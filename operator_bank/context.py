"""What every room of a bank works with."""

from __future__ import annotations

from dataclasses import dataclass

from operator_bank.ledger.standing import Standing
from operator_bank.peers.interface import CentralBankPort
from runtime.clock import Clock
from runtime.database import Database
from settlement.build import LedgerBundle
from settlement.history import History
from settlement.ledger import Ledger


@dataclass(frozen=True)
class Context:
    """What every room of a bank works with.

    Attributes:
        bank: the bank's name.
        prefix: of the numbers of its wallets.
        database: where rows are written and read.
        books: the recovered core, its journal and what follows it.
        central_bank: the central bank, as the bank calls it.
        clock: the time.
        standing: whether the bank's copy of its database is the newest one.
    """

    bank: str
    prefix: str
    database: Database
    books: LedgerBundle
    central_bank: CentralBankPort
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
