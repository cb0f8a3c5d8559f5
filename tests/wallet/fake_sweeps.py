"""Sweeps at the bank in memory: what is ordered, and nothing that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal


@dataclass
class FakeSweeps:
    """The part of `wallet.peers.interface.BankPort` that is about sweeps.

    Attributes:
        sweeping: the level of each wallet that has ordered, None for no more.
    """

    sweeping: dict[str, int | None] = field(default_factory=dict, kw_only=True)

    if TYPE_CHECKING:  # of the bank itself
        accounts: ClassVar[Any]
        _once: ClassVar[Any]

    def order_sweep(self, order: SignedEnvelope) -> wallets_pb2.OrderSweepResponse:
        answer: wallets_pb2.OrderSweepResponse = self._once(
            orders_pb2.SweepOrder, order, self._sweep
        )
        return answer

    def _sweep(self, order: orders_pb2.SweepOrder) -> wallets_pb2.OrderSweepResponse:
        if not self.accounts[order.wallet_number].has_deposit:
            raise Refusal(errors_pb2.REASON_NO_DEPOSIT_ACCOUNT, "there is none", field="sweeps")
        self.sweeping[order.wallet_number] = order.above_fen if order.sweeps else None
        return wallets_pb2.OrderSweepResponse()
