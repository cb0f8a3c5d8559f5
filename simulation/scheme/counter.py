"""What wallets call their banks through: the bank's own handlers, over the simulated network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import Message

from dcep.bank.v1 import (
    aliases_pb2 as bank_aliases_pb2,
)
from dcep.bank.v1 import (
    asking_pb2,
    exchange_pb2,
    keys_pb2,
    offline_pb2,
    orders_pb2,
    payments_pb2,
    signers_pb2,
    sub_wallets_pb2,
    wallets_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
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

if TYPE_CHECKING:
    from simulation.scheme.system import System

from simulation.scheme.ports import CALL

T = TypeVar("T")


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
