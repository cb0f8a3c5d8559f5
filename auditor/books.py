"""The accounts that the audit looks at: the fixed numbers, and the tables with the others.

They are the contract of the ledgers. They are written here once more, because the audit imports no
service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, column, select, table

PAID_IN: Final = 0
"""Central bank: its balance is minus what was paid in."""

OFFLINE_FLOAT: Final = 1
RESERVES: Final = 1
CIRCULATION: Final = 2
DEPOSITS: Final = 3
OFFICE: Final = 4
LOSS: Final = 5
RESTORED: Final = 6

MIRROR: Final = 0
"""Bank: the mirror; its last sequence is the position up to which the feed was applied."""

VAULT: Final = 1
SUSPENSE: Final = 2
REDEMPTION_RESERVE: Final = 3
LOST: Final = 5
"""Bank: what left before its database was put back; minus what of that is not settled."""

SUB_WALLETS: Final = 6
"""Bank: numbers what goes home from sub-wallets; always empty."""

SWEEPS: Final = 8
"""Bank: numbers what makes room for payments from other banks; always empty."""

CONTROL: Final = 10
TILL: Final = 11
FIRST_WALLET: Final = 1000
"""Bank: from here on accounts are of wallets; the table `accounts` has them."""

WALLET: Final = 1
DEPOSIT: Final = 2
CURRENCY: Final = 1
"""The ledger of the digital currency."""

OWN_BOOKS: Final = 2
"""Bank: the ledger of its own books, for deposits and cash."""

_accounts = table("accounts", *map(column, ("number", "owner", "purpose")))


@dataclass(frozen=True)
class Owned:
    """The accounts of banks at the central bank, as its table has them.

    Attributes:
        numbers: account numbers by (bank's id, purpose).
        places: (bank's id, purpose) by account number.
    """

    numbers: Mapping[tuple[int, int], int]
    places: Mapping[int, tuple[int, int]]

    @classmethod
    def read(cls, connection: Connection) -> Owned:
        """Reads them as they are now."""
        rows = connection.execute(select(_accounts)).all()
        places = {row.number: (row.owner, row.purpose) for row in rows}
        return cls({place: number for number, place in places.items()}, places)

    @classmethod
    def of(cls, engine: Engine) -> Owned:
        """As `read`, over a connection of its own."""
        with engine.connect() as connection:
            return cls.read(connection)

    def number(self, bank: int, purpose: int) -> int:
        """A bank's account for a purpose; -1 when there is none."""
        return self.numbers.get((bank, purpose), -1)

    def place(self, account: int) -> tuple[int, int]:
        """The bank's id and the purpose of an account; (-1, -1) when it is no bank's."""
        return self.places.get(account, (-1, -1))
