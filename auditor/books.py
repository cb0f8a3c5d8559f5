"""The numbers of the accounts that the audit looks at, as the contract of the ledgers has them."""

from __future__ import annotations

from typing import Final

PAID_IN: Final = 0
"""Central bank: minus what was paid in."""

OFFLINE_FLOAT: Final = 1
FIRST_BANK_ACCOUNT: Final = 10
"""Central bank: reserves of bank 0; its other accounts follow."""

CIRCULATION_OFFSET: Final = 1
DEPOSITS_OFFSET: Final = 2
OFFICE_OFFSET: Final = 3
LOSS_OFFSET: Final = 4
RESTORED_OFFSET: Final = 5
ACCOUNTS_PER_BANK: Final = 6

MIRROR: Final = 0
"""Bank: the mirror of the central bank; its last sequence is the feed position applied."""

VAULT: Final = 1
SUSPENSE: Final = 2
REDEMPTION_RESERVE: Final = 3
LOST: Final = 5
"""Bank: what left before its database was put back; below zero by what is not settled."""

CONTROL: Final = 10
TILL: Final = 11
FIRST_WALLET: Final = 1000
CURRENCY: Final = 1
"""The ledger of the digital currency; a bank's second ledger is its own."""
