"""A bank that was put back to an older copy, for tests of what it does then."""

from __future__ import annotations

from typing import Any

from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from runtime.errors import Refusal
from tests.operator_bank.system import FOREIGN, Holder, System

R = registration_pb2
ACT = 7


class Lost:
    """A bank that was put back: what the central bank tells of the time since, and its officers."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.number = system.bank.books.ledger.position() + 500

    def settled(self, payer: Holder, fen: int, sequence: int = 1, **values: Any) -> Any:
        """A payment of the lost time, settled; returns it and the order that it was made for."""
        self.number += 1
        order = payer.order(FOREIGN, fen, sequence=sequence, **values)
        sent = payer.system.clock.now_ms()
        payment = R.OutboundPayment(
            number=self.number,
            payment_id=f"{payer.number}-{sequence}",
            payer_number=payer.number,
            payee_number=FOREIGN,
            amount_fen=fen,
            created_time_ms=sent,
            expires_time_ms=sent + 60_000,
        )
        return self.system.entry(outgoing_settled=payment), order

    def act(self, **changes: int) -> office_pb2.ComeBack:
        """What two officers have it take up: all that there is."""
        return office_pb2.ComeBack(
            **{
                "incarnation": ACT,
                "after_number": self.system.bank.follower.place.number,
                "until_number": len(self.system.central.teller.said),
                "next_number": self.number + 1,
                "next_deposit": 50,
                **changes,
            }
        )

    def come_back(self, **changes: int) -> None:
        self.notice()
        self.system.both(self.act(**changes))
        self.hear()

    def notice(self) -> None:
        """As the central bank says it that has the bank's receipts for more."""
        said = "asks for less than it has acknowledged"
        self.system.central.refuses_the_feed = Refusal(errors_pb2.REASON_FEED_STEPPED_BACK, said)
        self.hear()
        self.system.central.refuses_the_feed = None
        assert self.system.bank.standing.is_behind

    def hear(self) -> None:
        """All that the feed says now, which is a stream of its own each time."""
        self.system.bank.follower.ask_again()
        while self.system.bank.follower.step():
            pass
