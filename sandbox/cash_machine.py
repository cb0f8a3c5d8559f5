"""A cash machine: counts notes, and signs a receipt for what it took in.

In the sandbox it takes in whatever it is told. Its key lies apart from the bank's, which knows the
public half.
"""

from __future__ import annotations

import threading
import time

from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from runtime.envelope import sign
from sandbox.plan import CASH_MACHINE, StackMissing, StackPlan

TAG = "cash-receipt/v1"


class CashMachine:
    """A machine of a bank."""

    def __init__(self, bank: str, key: SigningKey, name: str = CASH_MACHINE) -> None:
        self._bank = bank
        self._key = key
        self._name = name
        self._number = 0
        self._counting = threading.Lock()

    @classmethod
    def of(cls, plan: StackPlan, bank: str, name: str = CASH_MACHINE) -> CashMachine:
        """A machine of a bank of a stack.

        Raises:
            StackMissing: there is none of this name.
        """
        path = plan.cash_machine_key(bank, name)
        if not path.exists():
            raise StackMissing(f"no machine {name!r} stands here for {bank}")
        return cls(bank, SigningKey(path.read_bytes()), name)

    def receipt(self, wallet_number: str, amount_fen: int) -> SignedEnvelope:
        """What it says when it has taken in so much for a wallet."""
        now_ns = time.time_ns()
        with self._counting:
            # Counts on after a restart too: nobody has put in a note in a microsecond.
            self._number = max(self._number + 1, now_ns // 1_000)
            number = self._number
        receipt = orders_pb2.CashReceipt(
            bank=self._bank,
            machine=self._name,
            number=number,
            wallet_number=wallet_number,
            amount_fen=amount_fen,
            time_ms=now_ns // 1_000_000,
        )
        return sign(TAG, receipt.SerializeToString(), self._key, self._name.encode())
