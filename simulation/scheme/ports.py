"""What parties call each other through: production code's ports over the simulated network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from central_bank.aliases.finding import said
from central_bank.app import CentralBank
from central_bank.authentication.banks import AdmittedBank
from central_bank.registration.feed_book import Link
from central_bank.registration.offline.outcomes import as_verdict
from central_bank.registration.settlement import check_incarnation
from dcep.bank.v1 import (
    inbound_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import aliases_pb2, registration_pb2
from operator_bank.app import OperatorBank
from runtime.envelope import sign
from runtime.errors import NoAnswer, Refusal, as_reason
from simulation.scheme.network import at_once
from simulation.scheme.people import key_of

if TYPE_CHECKING:
    from simulation.scheme.system import System

T = TypeVar("T")
CENTRAL = "central-bank"
MALLORY = "mallory"
"""A bank that was admitted and has no software of ours."""

VALID_MS = 60_000

CALL: Any = SimpleNamespace(time_remaining=lambda: 0.0)
"""Of a gRPC call whose caller does not wait: in one thread nothing comes while it is waited for."""


class BankPeers:
    """`central_bank.peers.interface.BankPeers`."""

    def __init__(self, system: System) -> None:
        self._system = system

    def check(self, bank: AdmittedBank, payees: Sequence[str]) -> Future[list[int]]:
        """Asks whether wallets can be paid."""
        if bank.name == MALLORY:
            return at_once(lambda: self._mallory_says([self._chooses() for _ in payees]))
        cannot = errors_pb2.REASON_PAYEE_CANNOT_BE_PAID

        def ask(asked: OperatorBank) -> list[int]:
            try:
                asked.standing.check()
            except Refusal as refusal:
                raise NoAnswer(str(refusal)) from refusal  # as the client of this port does
            return [0 if can else cannot for can in asked.inbound.can_be_paid(payees)]

        return self._system.begin(bank.name, ask)

    def reserve_for_redemption(
        self, bank: AdmittedBank, number: int, amount_fen: int
    ) -> Future[None]:
        """Asks a bank to set money aside."""
        if bank.name == MALLORY:
            return at_once(lambda: self._mallory_says(None))

        def ask(asked: OperatorBank) -> None:
            asked.vault.reserve_for_redemption(number, amount_fen)

        return self._system.begin(bank.name, ask)

    def take_requests(
        self, bank: AdmittedBank, items: Sequence[inbound_pb2.CarriedRequest]
    ) -> Future[None]:
        """Gives a bank requests to pay."""
        if bank.name == MALLORY:
            return at_once(lambda: self._mallory_says(None))

        def take(asked: OperatorBank) -> None:
            try:
                asked.standing.check()
            except Refusal as refusal:
                raise NoAnswer(str(refusal)) from refusal
            for item in items:
                self._take(bank.name, asked, item)

        return self._system.begin(bank.name, take)

    def answer_alias(
        self, bank: AdmittedBank, label: bytes, nonce: bytes, prefix: str
    ) -> Future[bytes]:
        """Asks whom an alias stands for."""
        if bank.name == MALLORY:
            return at_once(lambda: self._mallory_says(b""))
        return self._system.begin(
            bank.name, lambda asked: asked.alias_finding.answer(label, nonce, prefix)
        )

    def _take(self, name: str, bank: OperatorBank, item: inbound_pb2.CarriedRequest) -> None:
        model = self._system.model
        model.asked(
            name,
            item.request,
            lambda: model.changed(name, item.change.payload, lambda: bank.taking.take([item])),
        )
        # With a request that a bank has not heard of, or has lost, what became of it may come too.
        model.ended(name, item.change.payload)

    def _chooses(self) -> int:
        return self._system.network.chance.choice([0, 0, errors_pb2.REASON_PAYEE_CANNOT_BE_PAID])

    def _mallory_says(self, answer: T) -> T:
        """What the bank without our software answers: something, or nothing."""
        if self._system.network.happens(0.3):
            raise NoAnswer("she does not answer")
        return answer


class CentralBankPort:
    """`operator_bank.peers.interface.CentralBankPort`.

    What it signs is dated by the central bank's clock: production's client heeds the time that a
    refusal tells.
    """

    def __init__(self, system: System, bank: str) -> None:
        self._system = system
        self._bank = bank
        self._session = next(system.processes).to_bytes(16, "big")

    def submit(self, batch: registration_pb2.OutboundBatch) -> Sequence[registration_pb2.Outcome]:
        """Asks for settlement."""
        envelope = self._signed(batch)
        outcomes = self._ask(lambda c, b: c.settlement.submit(b, envelope).outcomes)
        return list(outcomes)

    def feed(
        self,
        after: registration_pb2.FeedPlace,
        journal_position: int,
        acts_number: int,
        tip: SignedEnvelope | None,
    ) -> Iterator[registration_pb2.FollowFeedResponse]:
        """The feed from a place on, until nothing more is there."""
        incarnation, session = self._incarnation, self._session

        def start(central: CentralBank, bank: AdmittedBank) -> tuple[CentralBank, Link]:
            begins = central.feed.start(
                bank,
                after,
                incarnation=incarnation,
                ends_at=journal_position,
                acts_end_at=acts_number,
                session=session,
                tip=tip,
            )
            return central, begins

        told_by, link = self._follow(start)
        with_tip = True  # the first message comes at once: a bank that starts waits for it
        while True:
            message, link = self._follow(partial(_after, told_by, link, with_tip, incarnation))
            with_tip = False
            if message is None:
                return
            self._system.model.told(self._bank, message)
            yield message

    def acknowledge(
        self,
        place: registration_pb2.FeedPlace,
        acts: registration_pb2.ActsPlace,
        journal_position: int,
        announced_number: int,
    ) -> None:
        """Signs how far the feed is applied."""
        receipt = registration_pb2.FeedReceipt(
            place=place,
            acts=acts,
            journal_position=journal_position,
            announced_number=announced_number,
        )
        envelope = self._signed(receipt)
        session = self._session
        self._ask(lambda c, b: c.feed.acknowledge(b, envelope, session))

    def announcements(self) -> Sequence[SignedEnvelope]:
        """What the central bank has announced."""
        return self._ask(lambda c, b: c.central_keys.announcements())

    def carry(self, prefix: str, items: Sequence[inbound_pb2.CarriedRequest]) -> None:
        """Has requests to pay carried to another bank."""
        answer = self._ask(lambda c, b: c.carrying.begin(b, prefix, items))
        if not answer.done():
            raise NoAnswer("the other bank hangs")
        answer.result()

    def change_aliases(
        self, changes: Sequence[aliases_pb2.AliasChange]
    ) -> Sequence[aliases_pb2.AliasOutcome]:
        """Changes what the directory has of the bank."""
        signed = [self._signed(change) for change in changes]
        return self._ask(lambda c, b: c.alias_changes.change(b, signed))

    def ask_aliases(self, labels: Sequence[bytes]) -> Sequence[aliases_pb2.AliasOutcome]:
        """How labels stand for the bank."""
        return self._ask(lambda c, b: c.alias_changes.ask(b, labels))

    def alias_claims(self, after: bytes) -> Sequence[aliases_pb2.ClaimedLabel]:
        """Labels of the bank that others claim."""
        return self._ask(lambda c, b: c.alias_changes.claims(b, after))

    def find_alias(self, label: bytes, nonce: bytes) -> bytes:
        """What the bank that has a label says of it."""
        return said(self._ask(lambda c, b: c.alias_finding.begin(b, label, nonce)))

    def request_issuance(self, request_id: str, amount_fen: int) -> bool:
        """Asks for issuance."""
        row = self._ask(lambda c, b: c.requests.create(b, request_id, "issue", amount_fen))
        return bool(row.state == "waiting")

    def register(
        self, number: int, amount_fen: int, device_certificate: bytes, possession: bytes
    ) -> registration_pb2.RegisterTokensResponse:
        """Registers a load."""
        order = registration_pb2.TokenRegistration(
            number=number,
            amount_fen=amount_fen,
            device_certificate=device_certificate,
            possession=possession,
        )
        envelope = self._signed(order)
        outcome, made = self._ask(lambda c, b: c.loads.register(b, envelope))
        return registration_pb2.RegisterTokensResponse(outcome=outcome, tokens=made)

    def deposit(
        self, items: Sequence[registration_pb2.TokenDepositItem]
    ) -> Sequence[registration_pb2.DepositOutcome]:
        """Deposits tokens."""
        self._system.model.sent_deposits(self._bank, items)
        envelope = self._signed(registration_pb2.TokenDeposit(items=items))
        outcomes = self._ask(lambda c, b: c.deposits.deposit(b, envelope))
        return [
            registration_pb2.DepositOutcome(
                number=outcome.number,
                state=outcome.state,  # type: ignore[arg-type]
                reason=as_reason(outcome.reason),
                amount_fen=outcome.amount_fen,
                verdict=as_verdict(outcome.verdict),
                refusal=outcome.refusal,
            )
            for outcome in outcomes
        ]

    def revoke(self, device_certificates: Sequence[bytes], cause: str) -> None:
        """Has devices revoked."""
        self._ask(lambda c, b: c.devices.revoke_own(b, device_certificates, cause))

    def trust_bundle(self) -> bytes:
        """The newest trust bundle."""
        return self._ask(lambda c, _: c.devices.trust_bundle())

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        """What the root says about devices."""
        said = self._ask(lambda c, _: c.devices.statements(certificates))
        return [statement.encode() for statement in said]

    def own_revoked(self, since_time_ms: int) -> tuple[Sequence[bytes], int]:
        """This bank's devices that were revoked since."""
        found = self._ask(lambda c, b: c.devices.own_revoked(b, since_time_ms))
        return [name for name, _ in found], found[-1][1] if found else 0

    @property
    def _incarnation(self) -> int:
        return self._system.bank(self._bank).windows.incarnation

    def _follow(self, act: Callable[[CentralBank, AdmittedBank], T]) -> T:
        return self._system.ask(CENTRAL, lambda c: act(c, c.registry.get(self._bank)))

    def _ask(self, act: Callable[[CentralBank, AdmittedBank], T]) -> T:
        def ask(central: CentralBank, bank: AdmittedBank) -> T:
            central.standing.check()  # as the authorizer does
            return act(central, bank)

        return self._follow(ask)

    def _signed(
        self,
        statement: registration_pb2.OutboundBatch
        | registration_pb2.FeedReceipt
        | registration_pb2.TokenRegistration
        | registration_pb2.TokenDeposit
        | aliases_pb2.AliasChange,
    ) -> SignedEnvelope:
        now_ms = self._system.clocks.now_ms(CENTRAL)
        statement.bank, statement.incarnation = self._bank, self._incarnation
        statement.created_time_ms, statement.expires_time_ms = now_ms, now_ms + VALID_MS
        return sign(statement, key_of(self._bank), self._bank.encode())


def _after(
    told_by: CentralBank,
    link: Link,
    with_tip: bool,
    incarnation: int,
    central: CentralBank,
    bank: AdmittedBank,
) -> tuple[registration_pb2.FollowFeedResponse | None, Link]:
    if central is not told_by:
        raise NoAnswer("the stream ended with who sent it")
    check_incarnation(bank, incarnation)
    return central.feed.after(bank, link, with_tip=with_tip)
