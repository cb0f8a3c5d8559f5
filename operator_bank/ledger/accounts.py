"""A bank's accounts in its core.

Ledger 1 is the digital currency, ledger 2 the bank's own books for deposits
and cash (docs/decisions/0003). Each sums to zero.

The bank's own accounts have numbers that are written here. Those of wallets get theirs when they
are opened, and the table `accounts` says which is whose.
"""

from __future__ import annotations

from enum import IntEnum

CURRENCY, OWN_BOOKS = 1, 2
MIRROR = 0
"""Mirror of the central bank: minus what is out through this bank. It and LOST go below
zero, nothing else."""

VAULT = 1
SUSPENSE = 2
REDEMPTION_RESERVE = 3
"""What has left the vault for redemptions that the central bank has not decided yet."""

NOBODY = 4
"""Never opened: what is to be paid to a wallet that there is not is refused by the rule."""

LOST = 5
"""What left this bank before its database was put back to an older copy that does not know of it:
below zero by what nobody has settled yet."""

CONTROL = 10
"""The other side of deposits and cash, in ledger 2."""

TILL = 11
FIRST_OF_WALLETS = 1_000
"""From here on numbers are given in the order in which accounts are opened."""


class Purpose(IntEnum):
    """What a wallet has an account for."""

    LEFT_OUT = 0
    """None is opened: an older copy may have given the numbers, and the ids of wallets, up to this
    one."""

    WALLET = 1
    """Its money."""

    DEPOSIT = 2
    """Its holder's deposit account, in ledger 2."""
