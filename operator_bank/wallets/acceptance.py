"""Says whether wallets can be paid: yes or no to other banks, the exact reason to own officers."""

from __future__ import annotations

from collections.abc import Sequence

from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.limits import MAX_ITEMS
from operator_bank.wallets.classes import Policy
from operator_bank.wallets.directory import Directory
from runtime.checks import at_most
from settlement.records import AccountFlag, Result
from settlement.rule import can_take

_CLOSED, _FROZEN = int(AccountFlag.CLOSED), int(AccountFlag.FROZEN)
_WHY_NOT = {
    Result.CREDIT_UNKNOWN: errors_pb2.REASON_WALLET_UNKNOWN,
    Result.CREDIT_CLOSED: errors_pb2.REASON_PAYEE_CLOSED,
    Result.CREDIT_FROZEN: errors_pb2.REASON_PAYEE_FROZEN,
    Result.OVER_BALANCE_CAP: errors_pb2.REASON_OVER_BALANCE_CAP,
}


class Inbound:
    """The use-case behind CheckPayees, and reasons for officers. It promises nothing and keeps
    nothing.
    """

    def __init__(self, context: Context, directory: Directory, policy: Policy) -> None:
        self._ledger = context.ledger
        self._directory = directory
        self._policy = policy
        self._clock = context.clock

    def can_be_paid(self, numbers: Sequence[str]) -> list[bool]:
        """For each number, whether it is that of a wallet that is neither closed nor frozen.

        One account is read for each number, even if there is no such wallet.
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
        """For each (number, fen), the Reason why the wallet cannot take it now, or 0."""
        rows = self._ledger.read([self._directory.account(number) for number, _ in payees])
        now_ms = self._clock.now_ms()
        return [
            _WHY_NOT.get(can_take(rows, self._policy.table, place, fen, now_ms), 0)
            for place, (_, fen) in enumerate(payees)
        ]
