"""Numbers the central bank's accounts in its core. There is one ledger, and it sums to zero.

The central bank's own accounts have fixed numbers, which stand here. A bank's accounts get their
numbers when it is admitted; the table `accounts` says whose they are.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum

LEDGER = 1
PAID_IN = 0
"""Minus the reserves that were paid in; the only account below zero."""

OFFLINE_FLOAT = 1
NOBODY = 2
"""Never opened."""

FIRST_OF_BANKS = 10
"""Accounts of banks are numbered from here on, in the order in which they are opened."""


class Purpose(IntEnum):
    """What a bank has an account for."""

    RESERVES = 1
    CIRCULATION = 2
    DEPOSITS = 3
    OFFICE = 4
    LOSS = 5
    RESTORED = 6


@dataclass(frozen=True)
class BankAccounts:
    """The numbers of one bank's accounts, one field for each purpose.

    Attributes:
        reserves: its deposit at the central bank.
        circulation: currency that is out through it; also the origin of its outbound payments.
        deposits: holds nothing; the origin of its token deposits.
        office: holds nothing; the origin of what officers do for it.
        loss: taken from its reserves for double spends, and not yet paid to a payee.
        restored: holds nothing; the origin of refunds of expired tokens to it.
    """

    reserves: int
    circulation: int
    deposits: int
    office: int
    loss: int
    restored: int

    @classmethod
    def of(cls, numbers: dict[int, int]) -> BankAccounts:
        """Makes it from numbers by purpose. Raises KeyError if one is missing."""
        return cls(**{purpose.name.lower(): numbers[purpose] for purpose in Purpose})

    def by_purpose(self) -> dict[Purpose, int]:
        """The numbers by purpose."""
        return {Purpose[name.upper()]: number for name, number in asdict(self).items()}


UNOPENED = BankAccounts(NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY)
"""The accounts of a bank that is not admitted yet."""
