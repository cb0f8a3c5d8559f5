"""Numbers of the central bank's accounts in its core. One ledger; it sums to zero."""

from __future__ import annotations

LEDGER = 1
PAID_IN = 0
"""Minus what was paid in; the only account below zero."""

OFFLINE_FLOAT = 1
_FIRST = 10
_PER_BANK = 6


def reserves(bank: int) -> int:
    """A bank's deposit at the central bank."""
    return _FIRST + _PER_BANK * bank


def circulation(bank: int) -> int:
    """What is out through a bank; also the origin of its outbound payments."""
    return _FIRST + _PER_BANK * bank + 1


def deposits(bank: int) -> int:
    """Holds nothing: the origin of a bank's token deposits."""
    return _FIRST + _PER_BANK * bank + 2


def office(bank: int) -> int:
    """Holds nothing: the origin of what officers do for a bank."""
    return _FIRST + _PER_BANK * bank + 3


def loss(bank: int) -> int:
    """What was taken from a bank's reserves for double spends and not yet paid to a payee."""
    return _FIRST + _PER_BANK * bank + 4


def restored(bank: int) -> int:
    """Holds nothing: the origin of what expired tokens give back to a bank that registered them."""
    return _FIRST + _PER_BANK * bank + 5


def bank_of(account: int) -> int | None:
    """The bank that an account belongs to; None for the central bank's own."""
    return (account - _FIRST) // _PER_BANK if account >= _FIRST else None
