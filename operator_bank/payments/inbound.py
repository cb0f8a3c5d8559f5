"""What the central bank asks: can these wallets take these amounts? No promise, no state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dcep.errors.v1 import errors_pb2
from operator_bank.limits import MAX_ITEMS
from operator_bank.wallets.directory import Directory
from runtime.checks import amount, at_most, of_item
from runtime.errors import Refusal
from settlement.ledger import Ledger
from settlement.records import AccountFlag, Limit

_CLOSED, _FROZEN = int(AccountFlag.CLOSED), int(AccountFlag.FROZEN)


class Inbound:
    """The use-case behind CheckPayees."""

    def __init__(self, ledger: Ledger, directory: Directory, policy: NDArray[np.int64]) -> None:
        self._ledger = ledger
        self._directory = directory
        self._caps_fen = policy[:, Limit.BALANCE_CAP].tolist()

    def check(self, payees: Sequence[tuple[str, int]]) -> list[int]:
        """For each (number, fen) a Reason, 0 when the wallet can take it now."""
        at_most(payees, "items", MAX_ITEMS)
        for index, (_, fen) in enumerate(payees):
            try:
                amount(fen)
            except Refusal as refusal:
                raise of_item(f"items[{index}]", refusal) from None
        found = [self._directory.find(number) for number, _ in payees]
        rows = self._ledger.read([wallet.account if wallet else 0 for wallet in found])
        reasons: list[int] = []
        for wallet, row, (_, fen) in zip(found, rows.tolist(), payees, strict=True):
            if wallet is None:
                reasons.append(errors_pb2.REASON_WALLET_UNKNOWN)
                continue
            available, held, *_, policy, _, flags, _, _, _ = row
            cap = self._caps_fen[policy]
            if flags & _CLOSED:
                reasons.append(errors_pb2.REASON_PAYEE_CLOSED)
            elif flags & _FROZEN:
                reasons.append(errors_pb2.REASON_PAYEE_FROZEN)
            elif cap and available + held + fen > cap:
                reasons.append(errors_pb2.REASON_OVER_BALANCE_CAP)
            else:
                reasons.append(0)
        return reasons
