"""The central bank's accounts in its core. One ledger; it sums to zero.

Its own have numbers that are written here. Those of banks get theirs when a bank is admitted, and
the table `accounts` says which is which.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum

LEDGER = 1
PAID_IN = 0
"""Minus what was paid in; the only account below zero."""

OFFLINE_FLOAT = 1
NOBODY = 2
"""Never opened."""

FIRST_OF_BANKS = 10
"""From here on numbers are given in the order in which accounts are opened."""


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
    """The numbers of one bank's accounts, a field for each purpose.

    Attributes:
        reserves: its deposit at the central bank.
        circulation: what is out through it; also the origin of its outbound payments.
        deposits: holds nothing: the origin of its token deposits.
        office: holds nothing: the origin of what officers do for it.
        loss: what was taken from its reserves for double spends and not yet paid to a payee.
        restored: holds nothing: the origin of what expired tokens give back to it.
    """

    reserves: int
    circulation: int
    deposits: int
    office: int
    loss: int
    restored: int

    @classmethod
    def of(cls, numbers: dict[int, int]) -> BankAccounts:
        """From numbers by purpose. Raises KeyError when one is missing."""
        return cls(**{purpose.name.lower(): numbers[purpose] for purpose in Purpose})

    def by_purpose(self) -> dict[Purpose, int]:
        """The other way round."""
        return {Purpose[name.upper()]: number for name, number in asdict(self).items()}


UNOPENED = BankAccounts(NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY)
"""What a bank has that is not admitted yet."""
