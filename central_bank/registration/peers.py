"""What the central bank asks of the banks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from central_bank.authentication.registry import Bank


class BankPeers(Protocol):
    """Asks banks."""

    def check(self, bank: Bank, payees: Sequence[tuple[str, int]]) -> list[int]:
        """For each (wallet number, amount in fen) a Reason, 0 when the wallet can take it.

        Raises:
            NoAnswer: the bank cannot be reached in time.
        """
        ...

    def set_aside(self, bank: Bank, number: int, amount_fen: int) -> None:
        """Has a bank's vault set money aside for a redemption.

        Raises:
            Refusal: VAULT_SHORT, with missing_fen.
            NoAnswer: the bank cannot be reached in time.
        """
        ...
