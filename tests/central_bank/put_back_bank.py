"""A bank whose database is an older copy."""

from __future__ import annotations

from typing import Any

from central_bank.authentication.banks import AdmittedBank
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from runtime.envelope import sign
from runtime.errors import Refusal
from tests.central_bank.admitting import KEYS
from tests.central_bank.system import System
from tests.feeds import NO_ACTS

R = registration_pb2
SETTLED = R.OUTCOME_STATE_SETTLED


class Alpha:
    """A bank with five entries in its feed, all of them acknowledged."""

    def __init__(self, system: System) -> None:
        self.system = system
        system.issue(system.alpha, 100_000)
        self.payments = [system.payment(system.alpha, system.beta, 10 + i) for i in range(4)]
        for payment in self.payments:
            assert system.submit(system.alpha, payment)[0].state == SETTLED
        self.places = [self.place(number) for number in range(6)]
        system.central.feed.acknowledge(self.bank, self.receipt(5, journal_position=900))

    @property
    def bank(self) -> AdmittedBank:
        return self.system.central.registry.get("alpha")

    def place(self, number: int) -> R.FeedPlace:
        link = self.system.central.feed.at(self.bank, number)
        assert link is not None
        message, _ = self.system.central.feed.after(self.bank, link, with_tip=True)
        assert message is not None
        ledger = R.FeedTip.FromString(message.tip.payload).place.ledger
        return (
            R.FeedPlace(ledger=ledger, number=number, hash=link.hash) if number else R.FeedPlace()
        )

    def receipt(self, number: int, acts: R.ActsPlace = NO_ACTS, **fields: int) -> SignedEnvelope:
        now_ms = self.system.clock.now_ms()
        said = R.FeedReceipt(
            bank="alpha",
            created_time_ms=now_ms,
            expires_time_ms=now_ms + 60_000,
            place=self.places[number],
            acts=acts,
            **fields,
        )
        return sign(said, KEYS["alpha"], b"alpha")

    def act(self, number: int, **changes: Any) -> office_pb2.PutBack:
        return office_pb2.PutBack(
            **{
                "name": "alpha",
                "after_number": number,
                "after_hash": self.places[number].hash,
                "acts_number": 0,
                "acts_hash": bytes(32),
                **changes,
            }
        )

    def start(
        self,
        number: int,
        incarnation: int,
        ends_at: int = 900,
        acts_end_at: int | None = None,
        session: bytes = b"",
    ) -> str:
        """Where the feed begins, or why it does not."""
        try:
            link = self.system.central.feed.start(
                self.bank,
                self.places[number],
                incarnation=incarnation,
                ends_at=ends_at,
                acts_end_at=acts_end_at,
                session=session,
            )
        except Refusal as refusal:
            return refusal.name
        return str(link.number)
