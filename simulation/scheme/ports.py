"""What parties call each other through: production code's ports over the simulated network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import Message

from central_bank.aliases.finding import said
from central_bank.app import CentralBank
from central_bank.authentication.banks import AdmittedBank
from central_bank.registration.feed_book import Link
from central_bank.registration.offline.outcomes import as_verdict
from central_bank.registration.settlement import check_incarnation
from dcep.bank.v1 import (
    aliases_pb2 as bank_aliases_pb2,
)
from dcep.bank.v1 import (
    asking_pb2,
    exchange_pb2,
    inbound_pb2,
    keys_pb2,
    offline_pb2,
    orders_pb2,
    payments_pb2,
    signers_pb2,
    sub_wallets_pb2,
    wallets_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import aliases_pb2, registration_pb2
from operator_bank.api.aliases import GrpcAliases
from operator_bank.api.asking import GrpcAsking
from operator_bank.api.exchange import GrpcExchange
from operator_bank.api.keys import GrpcKeys
from operator_bank.api.offline import GrpcOffline
from operator_bank.api.payments import GrpcPayments
from operator_bank.api.signers import GrpcSigners
from operator_bank.api.sub_wallets import GrpcSubWallets
from operator_bank.api.wallets import GrpcWallets
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


class Counter:
    """`wallet.peers.interface.BankPort`."""

    def __init__(self, system: System, bank: str) -> None:
        self._system = system
        self._bank = bank

    def send_code(self, request: wallets_pb2.SendCodeRequest) -> wallets_pb2.SendCodeResponse:
        """Has a code sent."""
        return self._ask(lambda b: GrpcWallets(b).SendCode(request, CALL))

    def change_class(
        self, request: wallets_pb2.ChangeClassRequest
    ) -> wallets_pb2.ChangeClassResponse:
        """Gives a wallet another class."""
        answer = self._ask(lambda b: GrpcWallets(b).ChangeClass(request, CALL))
        order = orders_pb2.ChangeClassOrder.FromString(request.order.payload)
        self._system.model.classed(self._bank, order.wallet_number, answer.wallet_class)
        return answer

    def order_sweep(self, order: SignedEnvelope) -> wallets_pb2.OrderSweepResponse:
        """Has what payments bring over a level go on to the deposit account, or no more."""
        return self._ask(lambda b: self._system.model.sweep(b, order, _sweep))

    def order_sub_wallet(self, order: SignedEnvelope) -> sub_wallets_pb2.SubWallet:
        """Opens, changes or closes a sub-wallet."""
        request = sub_wallets_pb2.OrderSubWalletRequest(order=order)
        model, name = self._system.model, self._bank

        def order_(bank: OperatorBank) -> sub_wallets_pb2.OrderSubWalletResponse:
            return model.families.ordered(
                name,
                model.banks[name],
                order,
                lambda: GrpcSubWallets(bank).OrderSubWallet(request, CALL),
            )

        return self._ask(order_).sub_wallet

    def list_sub_wallets(self, query: SignedEnvelope) -> sub_wallets_pb2.ListSubWalletsResponse:
        """The sub-wallets of a wallet."""
        request = sub_wallets_pb2.ListSubWalletsRequest(query=query)
        return self._ask(lambda b: GrpcSubWallets(b).ListSubWallets(request, CALL))

    def open_wallet(self, request: wallets_pb2.OpenWalletRequest) -> Message:
        """Opens a wallet."""
        return self._ask(lambda b: GrpcWallets(b).OpenWallet(request, CALL))

    def get_wallet(self, query: SignedEnvelope) -> Message:
        """Shows a wallet."""
        request = wallets_pb2.GetWalletRequest(query=query)
        return self._ask(lambda b: GrpcWallets(b).GetWallet(request, CALL))

    def get_key(self, query: SignedEnvelope) -> Message:
        """Says how things stand with a key."""
        return self._ask(lambda b: GrpcKeys(b).GetKey(keys_pb2.GetKeyRequest(query=query), CALL))

    def rotate_key(self, order: SignedEnvelope) -> Message:
        """Puts another key in the place of a wallet's."""
        request = keys_pb2.RotateKeyRequest(order=order)
        answer = self._ask(lambda b: GrpcKeys(b).RotateKey(request, CALL))
        rotated = keys_pb2.RotateKeyOrder.FromString(order.payload)
        self._system.model.rekeyed(self._bank, rotated.wallet_number)
        return answer

    def request_key(self, request: SignedEnvelope) -> Message:
        """Asks for a key."""
        asked = keys_pb2.RequestKeyRequest(request=request)
        return self._ask(lambda b: GrpcKeys(b).RequestKey(asked, CALL))

    def set_signers(self, order: SignedEnvelope) -> Message:
        """Puts a list of signers in force."""
        request = signers_pb2.SetSignersRequest(order=order)
        answer = self._ask(lambda b: GrpcSigners(b).SetSigners(request, CALL))
        listed = signers_pb2.SignersOrder.FromString(order.payload)
        self._system.model.rekeyed(self._bank, listed.wallet_number)
        if listed.threshold > 1:
            self._system.model.together.add(listed.wallet_number)
        return answer

    def list_signers(self, query: SignedEnvelope) -> Message:
        """A wallet's signers."""
        request = signers_pb2.ListSignersRequest(query=query)
        return self._ask(lambda b: GrpcSigners(b).ListSigners(request, CALL))

    def sign(self, request: signers_pb2.SignRequest) -> Message:
        """Signs a payment that takes two: whoever the wallet's number finds prepares it, and with
        the other it is made. Or a release, by which nothing moves.
        """
        if request.HasField("release") or b"-" not in request.payment.key_id:
            return self._ask(lambda b: GrpcSigners(b).Sign(request, CALL))
        signed: list[signers_pb2.SignResponse] = []

        def sign_(bank: OperatorBank, order: SignedEnvelope) -> payments_pb2.PayResponse:
            signed.append(GrpcSigners(bank).Sign(signers_pb2.SignRequest(payment=order), CALL))
            return signed[-1].paid

        self._ask(lambda b: self._system.model.pay(b, request.payment, sign_))
        return signed[-1]

    def list_pending(self, query: SignedEnvelope) -> Message:
        """What waits for signatures."""
        request = signers_pb2.ListPendingRequest(query=query)
        return self._ask(lambda b: GrpcSigners(b).ListPending(request, CALL))

    def get_release(self, query: SignedEnvelope, digest: bytes) -> Message:
        """What waits for signatures of a release."""
        request = signers_pb2.GetReleaseRequest(query=query, order_digest=digest)
        return self._ask(lambda b: GrpcSigners(b).GetRelease(request, CALL))

    def exchange(self, order: SignedEnvelope) -> Message:
        """Tops up or cashes out."""
        return self._ask(lambda b: self._system.model.exchange(b, order, _exchange))

    def pay(self, order: SignedEnvelope) -> Message:
        """Makes a payment."""
        self._system.seen.append((self._bank, order))
        return self._ask(lambda b: self._system.model.pay(b, order, _pay))

    def refund(self, order: SignedEnvelope) -> Message:
        """Gives back what was received."""
        return self._ask(lambda b: self._system.model.refund(b, order, _refund))

    def ask(self, order: SignedEnvelope) -> asking_pb2.AskResponse:
        """Asks another wallet for money."""
        request = asking_pb2.AskRequest(order=order)
        model, name = self._system.model, self._bank
        return self._ask(
            lambda b: model.asked(name, order, lambda: GrpcAsking(b).Ask(request, CALL))
        )

    def pay_asked(self, order: SignedEnvelope) -> asking_pb2.PayAskedResponse:
        """Pays what another wallet has asked for."""
        return self._ask(lambda b: self._system.model.pay_asked(b, order, _pay_asked))

    def change_asked(self, order: SignedEnvelope) -> asking_pb2.ChangeAskedResponse:
        """Declines, withdraws, or reminds."""
        request = asking_pb2.ChangeAskedRequest(order=order)
        model, name = self._system.model, self._bank
        return self._ask(
            lambda b: model.changed(
                name, order.payload, lambda: GrpcAsking(b).ChangeAsked(request, CALL)
            )
        )

    def block_asker(self, order: SignedEnvelope) -> asking_pb2.BlockAskerResponse:
        """Blocks an asker, or hears them again."""
        request = asking_pb2.BlockAskerRequest(order=order)
        return self._ask(lambda b: GrpcAsking(b).BlockAsker(request, CALL))

    def list_asked(
        self, query: SignedEnvelope, page_size: int, page_token: str, request_to_pay_id: str
    ) -> asking_pb2.ListAskedResponse:
        """A page of requests to pay."""
        request = asking_pb2.ListAskedRequest(
            query=query,
            page_size=page_size,
            page_token=page_token,
            request_to_pay_id=request_to_pay_id,
        )
        return self._ask(lambda b: GrpcAsking(b).ListAsked(request, CALL))

    def add_alias(
        self, request: bank_aliases_pb2.AddAliasRequest
    ) -> bank_aliases_pb2.AddAliasResponse:
        """Takes an alias."""
        return self._ask(lambda b: GrpcAliases(b).AddAlias(request, CALL))

    def remove_alias(self, order: SignedEnvelope) -> bank_aliases_pb2.RemoveAliasResponse:
        """Gives an alias up."""
        request = bank_aliases_pb2.RemoveAliasRequest(order=order)
        return self._ask(lambda b: GrpcAliases(b).RemoveAlias(request, CALL))

    def list_aliases(self, query: SignedEnvelope) -> bank_aliases_pb2.ListAliasesResponse:
        """The wallet's aliases."""
        request = bank_aliases_pb2.ListAliasesRequest(query=query)
        return self._ask(lambda b: GrpcAliases(b).ListAliases(request, CALL))

    def find_alias(self, query: SignedEnvelope, alias: str) -> bank_aliases_pb2.FindAliasResponse:
        """Whom an alias stands for."""
        request = bank_aliases_pb2.FindAliasRequest(query=query, alias=alias)
        return self._ask(lambda b: GrpcAliases(b).FindAlias(request, CALL))

    def get_payment(self, query: SignedEnvelope, payment_id: str) -> payments_pb2.Payment:
        """One payment."""
        request = payments_pb2.GetPaymentRequest(query=query, payment_id=payment_id)
        return self._ask(lambda b: GrpcPayments(b).GetPayment(request, CALL)).payment

    def list_payments(
        self, query: SignedEnvelope, page_size: int, page_token: str
    ) -> payments_pb2.ListPaymentsResponse:
        """A page of payments."""
        request = payments_pb2.ListPaymentsRequest(
            query=query, page_size=page_size, page_token=page_token
        )
        return self._ask(lambda b: GrpcPayments(b).ListPayments(request, CALL))

    def certify_device(self, order: SignedEnvelope) -> offline_pb2.CertifyDeviceResponse:
        """Has a device's key certified."""

        def certify(bank: OperatorBank) -> offline_pb2.CertifyDeviceResponse:
            answer = GrpcOffline(bank).CertifyDevice(
                offline_pb2.CertifyDeviceRequest(order=order), CALL
            )
            self._system.model.certified(order, answer.device_certificate)
            return answer

        return self._ask(certify)

    def load_tokens(self, order: SignedEnvelope) -> offline_pb2.LoadTokensResponse:
        """Loads tokens."""
        return self._ask(lambda b: self._system.model.load(b, order, _load))

    def deposit_tokens(self, order: SignedEnvelope) -> offline_pb2.DepositTokensResponse:
        """Deposits tokens."""
        return self._ask(lambda b: self._system.model.deposit(b, order, _deposit))

    def trust_bundle(self) -> bytes:
        """The newest trust bundle."""
        request = offline_pb2.GetTrustBundleRequest()
        answer = self._ask(lambda b: GrpcOffline(b).GetTrustBundle(request, CALL))
        return bytes(answer.trust_bundle)

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        """What the root says about devices."""
        request = offline_pb2.GetTrustBundleRequest(certificates=certificates)
        answer = self._ask(lambda b: GrpcOffline(b).GetTrustBundle(request, CALL))
        return [bytes(said) for said in answer.statements]

    def _ask(self, act: Callable[[OperatorBank], T]) -> T:
        def ask(bank: OperatorBank) -> T:
            bank.standing.check()  # as the edge's authorizer does
            return act(bank)

        return self._system.ask(self._bank, ask)


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


def _exchange(bank: OperatorBank, order: SignedEnvelope) -> exchange_pb2.ExchangeResponse:
    return GrpcExchange(bank).Exchange(exchange_pb2.ExchangeRequest(order=order), CALL)


def _sweep(bank: OperatorBank, order: SignedEnvelope) -> wallets_pb2.OrderSweepResponse:
    return GrpcWallets(bank).OrderSweep(wallets_pb2.OrderSweepRequest(order=order), CALL)


def _load(bank: OperatorBank, order: SignedEnvelope) -> offline_pb2.LoadTokensResponse:
    return GrpcOffline(bank).LoadTokens(offline_pb2.LoadTokensRequest(order=order), CALL)


def _deposit(bank: OperatorBank, order: SignedEnvelope) -> offline_pb2.DepositTokensResponse:
    return GrpcOffline(bank).DepositTokens(offline_pb2.DepositTokensRequest(order=order), CALL)


def _pay(bank: OperatorBank, order: SignedEnvelope) -> payments_pb2.PayResponse:
    return GrpcPayments(bank).Pay(payments_pb2.PayRequest(order=order), CALL)


def _refund(bank: OperatorBank, order: SignedEnvelope) -> payments_pb2.RefundResponse:
    return GrpcPayments(bank).Refund(payments_pb2.RefundRequest(order=order), CALL)


def _pay_asked(bank: OperatorBank, order: SignedEnvelope) -> asking_pb2.PayAskedResponse:
    return GrpcAsking(bank).PayAsked(asking_pb2.PayAskedRequest(order=order), CALL)
