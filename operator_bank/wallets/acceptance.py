"""Whether wallets may be paid: yes or no for others, the exact reason for this bank's officers."""

from __future__ import annotations

from collections.abc import Sequence

from dcep.errors.v1 import errors_pb2
from operator_bank.ledger import accounts
from operator_bank.limits import MAX_ITEMS
from operator_bank.wallets.classes import Policy
from operator_bank.wallets.directory import Directory
from runtime.checks import at_most
from settlement.ledger import Ledger
from settlement.records import AccountFlag

_CLOSED, _FROZEN = int(AccountFlag.CLOSED), int(AccountFlag.FROZEN)


class Inbound:
    """The use-case behind CheckPayees, and what the officers' desk asks. No promise, no state."""

    def __init__(self, ledger: Ledger, directory: Directory, policy: Policy) -> None:
        self._ledger = ledger
        self._directory = directory
        self._policy = policy

    def can_be_paid(self, numbers: Sequence[str]) -> list[bool]:
        """For each number whether it is a wallet's that is neither closed nor frozen.

        An account is read for each, whether there is one or not.
        """
        at_most(numbers, "wallet_numbers", MAX_ITEMS)
        found = [self._directory.account(number) for number in numbers]
        rows = self._ledger.read(found)
        barred = (rows["flags"] & (_CLOSED | _FROZEN)).astype(bool).tolist()
        return [
            account != accounts.NOBODY and not bar
            for account, bar in zip(found, barred, strict=True)
        ]

    def reasons(self, payees: Sequence[tuple[str, int]]) -> list[int]:
        """For each (number, fen) a Reason why the wallet cannot take it now, or 0."""
        found = [self._directory.account(number) for number, _ in payees]
        rows = self._ledger.read(found)
        reasons: list[int] = []
        for account, row, (_, fen) in zip(found, rows, payees, strict=True):
            cap = self._policy.caps_fen[int(row["policy"])]
            if account == accounts.NOBODY:
                reasons.append(errors_pb2.REASON_WALLET_UNKNOWN)
            elif row["flags"] & _CLOSED:
                reasons.append(errors_pb2.REASON_PAYEE_CLOSED)
            elif row["flags"] & _FROZEN:
                reasons.append(errors_pb2.REASON_PAYEE_FROZEN)
            elif cap and int(row["available_fen"]) + int(row["held_fen"]) + fen > cap:
                reasons.append(errors_pb2.REASON_OVER_BALANCE_CAP)
            else:
                reasons.append(0)
        return reasons
