"""What the replay needs of a bank: bulk calls, repeated unchanged until they are answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from dcep.bank.v1 import officers_pb2, states_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from runtime.errors import NoAnswer, Refusal

Answer = TypeVar("Answer")

ATTEMPTS = 60
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
PASSING = (
    errors_pb2.REASON_OVERLOADED,
    errors_pb2.REASON_STOPPING,
    errors_pb2.REASON_NOT_SERVING,
    errors_pb2.REASON_PEER_UNAVAILABLE,
)
"""Reasons for which a whole call is refused only for now."""


class BankPeer(Protocol):
    """What the replay needs of a bank; every call repeats safely."""

    name: str

    def open_many(
        self, requests: Sequence[wallets_pb2.OpenWalletRequest]
    ) -> Sequence[wallets_pb2.OpenWalletResponse]:
        """Open wallets; the answers are in the order of the requests."""

    def cash_receipt(self, wallet_number: str, amount_fen: int) -> SignedEnvelope:
        """The receipt of its cash machine for cash that was put in for a wallet."""

    def exchange_many(self, orders: Sequence[SignedEnvelope]) -> Sequence[states_pb2.ItemAnswer]:
        """Exchange; the answers are in the order of the orders."""

    def pay_many(self, orders: Sequence[SignedEnvelope]) -> Sequence[states_pb2.ItemAnswer]:
        """Pay; the answers are in the order of the orders."""

    def books(self) -> officers_pb2.GetBooksResponse:
        """The bank's books as its officer sees them."""


def until_answered(call: Callable[[], Answer]) -> Answer:
    """Make ``call`` again as long as there is no answer, or it is refused only for now.

    It is tried up to ATTEMPTS times with growing pauses. The call must carry the same ids each
    time, so that a repeat changes nothing.

    Raises:
        NoAnswer: there was none at the last attempt.
        Refusal: the call was refused, for good or at the last attempt.
    """
    pause_s = FIRST_PAUSE_S
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return call()
        except NoAnswer:
            if attempt == ATTEMPTS:
                raise
        except Refusal as refusal:
            if refusal.reason not in PASSING or attempt == ATTEMPTS:
                raise
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
    raise AssertionError("the loop above returns or raises")
