"""What the registration centre needs of the banks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from central_bank.authentication.registry import Bank


class PayeeBanks(Protocol):
    """Asks banks about payees."""

    def check(self, bank: Bank, payees: Sequence[tuple[str, int]]) -> list[int]:
        """For each (wallet number, amount in fen) a Reason, 0 when the wallet can take it.

        Raises:
            NoAnswer: the bank cannot be reached in time.
        """
        ...
