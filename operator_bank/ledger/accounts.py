"""Numbers of a bank's accounts in its core.

Ledger 1 is the digital currency, ledger 2 the bank's own books for deposits
and cash (docs/decisions/0003). Each sums to zero.
"""

from __future__ import annotations

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
_FIRST = 1_000


def wallet(row_id: int) -> int:
    """The account of the wallet with this row id."""
    return _FIRST + 2 * row_id


def deposit(row_id: int) -> int:
    """The deposit account of the same holder."""
    return _FIRST + 2 * row_id + 1


def is_wallet(account: int) -> bool:
    """Whether an account is a wallet's."""
    return account >= _FIRST and account % 2 == 0


def row_id(account: int) -> int:
    """The wallet's row id for its account."""
    return (account - _FIRST) // 2
