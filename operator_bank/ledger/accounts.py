"""Numbers the bank's accounts in its core.

Ledger 1 is the digital currency, ledger 2 the bank's own books for deposits and cash
(docs/decisions/0003). Each sums to zero.

The bank's own accounts have fixed numbers, which stand here. A wallet's accounts get their numbers
when it is opened; the table `accounts` says whose they are.
"""

from __future__ import annotations

from enum import IntEnum

CURRENCY, OWN_BOOKS = 1, 2
MIRROR = 0
"""The mirror of the central bank: minus what is out through this bank. In ledger 1 only the mirror
and LOST may go below zero."""

VAULT = 1
SUSPENSE = 2
REDEMPTION_RESERVE = 3
"""What has left the vault for redemptions that are not decided yet."""

NOBODY = 4
"""Never opened, so that the rule refuses a payment to a wallet that does not exist."""

LOST = 5
"""What left this bank before its database was put back to an older copy that does not know of it.
The balance is negative by what has not been settled yet."""

SUB_WALLETS = 6
"""Numbers what goes home from sub-wallets that were closed or have ended. It is always empty."""

SWEEPS = 8
"""Numbers what makes room for payments from other banks. It is always empty."""

CONTROL = 10
"""The other side of deposits and cash, in ledger 2. It may go below zero."""

TILL = 11
FIRST_OF_WALLETS = 1_000
"""Accounts of wallets are numbered from here on, in the order in which they are opened."""


class Purpose(IntEnum):
    """What a wallet has an account for."""

    WALLET = 1
    """The wallet's money."""

    DEPOSIT = 2
    """Its holder's deposit account, in ledger 2."""
