"""What the central bank's ledger says of all banks: the total that is always provable."""

from __future__ import annotations

from typing import NamedTuple

from central_bank.authentication.banks import AdmittedBank, Registry
from central_bank.ledger import accounts
from settlement.ledger import Ledger


class BankBooks(NamedTuple):
    """What a bank has in reserves, and what it has in circulation, in fen."""

    bank: AdmittedBank
    reserves_fen: int
    circulation_fen: int


class Books(NamedTuple):
    """Sums over all banks, in fen, at one moment.

    Attributes:
        paid_in_fen: reserves that banks have paid in.
        offline_float_fen: what is in devices.
        offline_loss_fen: what banks bear for money that was spent twice.
        banks: one for each admitted bank.
    """

    paid_in_fen: int
    offline_float_fen: int
    offline_loss_fen: int
    banks: list[BankBooks]


def books(ledger: Ledger, registry: Registry) -> Books:
    """Reads the books in one look."""
    banks = registry.all()
    numbers = [accounts.PAID_IN, accounts.OFFLINE_FLOAT]
    for bank in banks:
        own = bank.accounts
        numbers += [own.reserves, own.circulation, own.loss]
    paid_in, offline_float, *rows = ledger.read(numbers)["available_fen"].tolist()
    each = [BankBooks(*one) for one in zip(banks, rows[0::3], rows[1::3], strict=True)]
    return Books(-paid_in, offline_float, sum(rows[2::3]), each)
