"""Calls the bank over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from currency import parties
from dcep.bank.v1 import (
    aliases_pb2,
    aliases_pb2_grpc,
    asking_pb2,
    asking_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
    keys_pb2,
    keys_pb2_grpc,
    offline_pb2,
    offline_pb2_grpc,
    payments_pb2,
    payments_pb2_grpc,
    signers_pb2,
    signers_pb2_grpc,
    states_pb2,
    sub_wallets_pb2,
    sub_wallets_pb2_grpc,
    wallets_pb2,
    wallets_pb2_grpc,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from language import _
from runtime import require_tls13
from runtime.channel import connect
from runtime.errors import BadAnswer
from runtime.output import reason_of
from wallet.home.home import HomeError
from wallet.limits import ORDER_TIMEOUT_S, SHOW_TIMEOUT_S
from wallet.peers.interface import Arrivals

Answer = TypeVar("Answer")
T = TypeVar("T")


class GrpcBanks:
    """Channels to banks, one for each address; `close` ends them."""

    def __init__(self) -> None:
        self._banks: dict[tuple[str, str, str], GrpcBank] = {}

    def at(self, address: str, ca: str, name: str) -> GrpcBank:
        """The bank of that name at host:port; nobody else is accepted there.

        Raises HomeError if the CA file cannot be read.
        """
        if (address, ca, name) not in self._banks:
            try:
                roots = Path(ca).read_bytes()
            except OSError as error:
                raise HomeError(
                    _(
                        "the certificate that the bank is checked against, {ca!r}, cannot be "
                        "read: {error}"
                    ).format(ca=ca, error=reason_of(error))
                ) from error
            require_tls13()
            credentials = grpc.ssl_channel_credentials(root_certificates=roots)
            self._banks[address, ca, name] = GrpcBank(
                connect(address, credentials, parties.bank(name))
            )
        return self._banks[address, ca, name]

    def close(self) -> None:
        """Ends all channels."""
        for bank in self._banks.values():
            bank.close()
        self._banks.clear()


class GrpcBank:
    """`wallet.peers.interface.BankPort` over a channel of `runtime.channel`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._wallets: Any = _stub(wallets_pb2_grpc.WalletServiceStub, channel)
        self._sub_wallets: Any = _stub(sub_wallets_pb2_grpc.SubWalletServiceStub, channel)
        self._keys: Any = _stub(keys_pb2_grpc.KeyServiceStub, channel)
        self._signers: Any = _stub(signers_pb2_grpc.SignerServiceStub, channel)
        self._exchange: Any = _stub(exchange_pb2_grpc.ExchangeServiceStub, channel)
        self._payments: Any = _stub(payments_pb2_grpc.PaymentServiceStub, channel)
        self._asking: Any = _stub(asking_pb2_grpc.AskingServiceStub, channel)
        self._aliases: Any = _stub(aliases_pb2_grpc.AliasServiceStub, channel)
        self._offline: Any = _stub(offline_pb2_grpc.OfflineServiceStub, channel)

    def close(self) -> None:
        """Ends the channel."""
        self._channel.close()

    def open_wallet(self, request: wallets_pb2.OpenWalletRequest) -> wallets_pb2.OpenWalletResponse:
        """Opens a wallet."""
        return _ask(
            self._wallets.OpenWallet, request, wallets_pb2.OpenWalletResponse, ORDER_TIMEOUT_S
        )

    def send_code(self, request: wallets_pb2.SendCodeRequest) -> wallets_pb2.SendCodeResponse:
        """Has a code sent to a telephone."""
        return _ask(self._wallets.SendCode, request, wallets_pb2.SendCodeResponse, ORDER_TIMEOUT_S)

    def change_class(
        self, request: wallets_pb2.ChangeClassRequest
    ) -> wallets_pb2.ChangeClassResponse:
        """Gives a wallet another class."""
        return _ask(
            self._wallets.ChangeClass, request, wallets_pb2.ChangeClassResponse, ORDER_TIMEOUT_S
        )

    def order_sub_wallet(self, order: SignedEnvelope) -> sub_wallets_pb2.SubWallet:
        """Opens, changes or closes a sub-wallet."""
        return _ask(
            self._sub_wallets.OrderSubWallet,
            sub_wallets_pb2.OrderSubWalletRequest(order=order),
            sub_wallets_pb2.OrderSubWalletResponse,
            ORDER_TIMEOUT_S,
        ).sub_wallet

    def list_sub_wallets(self, query: SignedEnvelope) -> sub_wallets_pb2.ListSubWalletsResponse:
        """The sub-wallets of a wallet, and the amounts that their limits are chosen from."""
        return _ask(
            self._sub_wallets.ListSubWallets,
            sub_wallets_pb2.ListSubWalletsRequest(query=query),
            sub_wallets_pb2.ListSubWalletsResponse,
            SHOW_TIMEOUT_S,
        )

    def get_wallet(self, query: SignedEnvelope) -> wallets_pb2.GetWalletResponse:
        """Balances, class, status."""
        request = wallets_pb2.GetWalletRequest(query=query)
        return _ask(self._wallets.GetWallet, request, wallets_pb2.GetWalletResponse, SHOW_TIMEOUT_S)

    def close_wallet(self, order: SignedEnvelope) -> wallets_pb2.CloseWalletResponse:
        """Closes an empty wallet."""
        request = wallets_pb2.CloseWalletRequest(order=order)
        return _ask(
            self._wallets.CloseWallet, request, wallets_pb2.CloseWalletResponse, ORDER_TIMEOUT_S
        )

    def order_sweep(self, order: SignedEnvelope) -> wallets_pb2.OrderSweepResponse:
        """Has what payments bring over a level go on to the deposit account, or no more."""
        request = wallets_pb2.OrderSweepRequest(order=order)
        return _ask(
            self._wallets.OrderSweep, request, wallets_pb2.OrderSweepResponse, ORDER_TIMEOUT_S
        )

    def request_key(self, request: SignedEnvelope) -> keys_pb2.RequestKeyResponse:
        """Asks for a key of a wallet in place of one that is lost."""
        return _ask(
            self._keys.RequestKey,
            keys_pb2.RequestKeyRequest(request=request),
            keys_pb2.RequestKeyResponse,
            ORDER_TIMEOUT_S,
        )

    def get_key(self, query: SignedEnvelope) -> keys_pb2.GetKeyResponse:
        """How things stand with the key that signs the question."""
        request = keys_pb2.GetKeyRequest(query=query)
        return _ask(self._keys.GetKey, request, keys_pb2.GetKeyResponse, SHOW_TIMEOUT_S)

    def object_to_key(self, objection: SignedEnvelope) -> keys_pb2.ObjectToKeyResponse:
        """Objects to a key that is to take this one's place."""
        return _ask(
            self._keys.ObjectToKey,
            keys_pb2.ObjectToKeyRequest(objection=objection),
            keys_pb2.ObjectToKeyResponse,
            ORDER_TIMEOUT_S,
        )

    def rotate_key(self, order: SignedEnvelope) -> keys_pb2.RotateKeyResponse:
        """Puts another key in the place of the one that signs."""
        request = keys_pb2.RotateKeyRequest(order=order)
        return _ask(self._keys.RotateKey, request, keys_pb2.RotateKeyResponse, ORDER_TIMEOUT_S)

    def find_wallet(self, query: SignedEnvelope) -> keys_pb2.FindWalletResponse:
        """The wallet of the recovery key that signs the question."""
        request = keys_pb2.FindWalletRequest(query=query)
        return _ask(self._keys.FindWallet, request, keys_pb2.FindWalletResponse, SHOW_TIMEOUT_S)

    def recover_wallet(self, order: SignedEnvelope) -> keys_pb2.RecoverWalletResponse:
        """Asks by the recovery key for a key in place of one that is lost."""
        return _ask(
            self._keys.RecoverWallet,
            keys_pb2.RecoverWalletRequest(order=order),
            keys_pb2.RecoverWalletResponse,
            ORDER_TIMEOUT_S,
        )

    def set_signers(self, order: SignedEnvelope) -> signers_pb2.SetSignersResponse:
        """Puts a list of signers in force."""
        request = signers_pb2.SetSignersRequest(order=order)
        return _ask(
            self._signers.SetSigners, request, signers_pb2.SetSignersResponse, ORDER_TIMEOUT_S
        )

    def sign(self, request: signers_pb2.SignRequest) -> signers_pb2.SignResponse:
        """Signs what takes several signatures."""
        return _ask(self._signers.Sign, request, signers_pb2.SignResponse, ORDER_TIMEOUT_S)

    def withdraw(self, order: SignedEnvelope) -> signers_pb2.WithdrawResponse:
        """Ends what waits for signatures."""
        request = signers_pb2.WithdrawRequest(order=order)
        return _ask(self._signers.Withdraw, request, signers_pb2.WithdrawResponse, ORDER_TIMEOUT_S)

    def list_pending(self, query: SignedEnvelope) -> signers_pb2.ListPendingResponse:
        """What waits for signatures."""
        request = signers_pb2.ListPendingRequest(query=query)
        return _ask(
            self._signers.ListPending, request, signers_pb2.ListPendingResponse, SHOW_TIMEOUT_S
        )

    def get_release(self, query: SignedEnvelope, digest: bytes) -> signers_pb2.GetReleaseResponse:
        """The bytes of a release that waits for signatures."""
        request = signers_pb2.GetReleaseRequest(query=query, order_digest=digest)
        return _ask(
            self._signers.GetRelease, request, signers_pb2.GetReleaseResponse, SHOW_TIMEOUT_S
        )

    def list_signers(self, query: SignedEnvelope) -> signers_pb2.ListSignersResponse:
        """The wallet's signers, and which keys ask to be one."""
        request = signers_pb2.ListSignersRequest(query=query)
        return _ask(
            self._signers.ListSigners, request, signers_pb2.ListSignersResponse, SHOW_TIMEOUT_S
        )

    def exchange(self, order: SignedEnvelope) -> exchange_pb2.ExchangeResponse:
        """Exchanges deposit or cash for money of the wallet, or back."""
        request = exchange_pb2.ExchangeRequest(order=order)
        return _ask(
            self._exchange.Exchange, request, exchange_pb2.ExchangeResponse, ORDER_TIMEOUT_S
        )

    def pay(self, order: SignedEnvelope) -> payments_pb2.PayResponse:
        """Makes a payment."""
        return _ask(
            self._payments.Pay,
            payments_pb2.PayRequest(order=order),
            payments_pb2.PayResponse,
            ORDER_TIMEOUT_S,
        )

    def refund(self, order: SignedEnvelope) -> payments_pb2.RefundResponse:
        """Gives back a payment that was received, or a part of it."""
        return _ask(
            self._payments.Refund,
            payments_pb2.RefundRequest(order=order),
            payments_pb2.RefundResponse,
            ORDER_TIMEOUT_S,
        )

    def ask(self, order: SignedEnvelope) -> asking_pb2.AskResponse:
        """Asks another wallet for money."""
        request = asking_pb2.AskRequest(order=order)
        return _ask(self._asking.Ask, request, asking_pb2.AskResponse, ORDER_TIMEOUT_S)

    def pay_asked(self, order: SignedEnvelope) -> asking_pb2.PayAskedResponse:
        """Pays what another wallet has asked for, or a part of it."""
        request = asking_pb2.PayAskedRequest(order=order)
        return _ask(self._asking.PayAsked, request, asking_pb2.PayAskedResponse, ORDER_TIMEOUT_S)

    def change_asked(self, order: SignedEnvelope) -> asking_pb2.ChangeAskedResponse:
        """Declines or withdraws a request to pay, or reminds of it."""
        request = asking_pb2.ChangeAskedRequest(order=order)
        return _ask(
            self._asking.ChangeAsked, request, asking_pb2.ChangeAskedResponse, ORDER_TIMEOUT_S
        )

    def block_asker(self, order: SignedEnvelope) -> asking_pb2.BlockAskerResponse:
        """Shows no more requests of an asker, or again."""
        request = asking_pb2.BlockAskerRequest(order=order)
        return _ask(
            self._asking.BlockAsker, request, asking_pb2.BlockAskerResponse, ORDER_TIMEOUT_S
        )

    def list_asked(
        self, query: SignedEnvelope, page_size: int, page_token: str, request_to_pay_id: str
    ) -> asking_pb2.ListAskedResponse:
        """A page of requests to pay, newest first; of one id if it is given."""
        request = asking_pb2.ListAskedRequest(
            query=query,
            page_size=page_size,
            page_token=page_token,
            request_to_pay_id=request_to_pay_id,
        )
        return _ask(self._asking.ListAsked, request, asking_pb2.ListAskedResponse, SHOW_TIMEOUT_S)

    def add_alias(self, request: aliases_pb2.AddAliasRequest) -> aliases_pb2.AddAliasResponse:
        """Takes an alias."""
        return _ask(self._aliases.AddAlias, request, aliases_pb2.AddAliasResponse, ORDER_TIMEOUT_S)

    def remove_alias(self, order: SignedEnvelope) -> aliases_pb2.RemoveAliasResponse:
        """Gives an alias up."""
        request = aliases_pb2.RemoveAliasRequest(order=order)
        return _ask(
            self._aliases.RemoveAlias, request, aliases_pb2.RemoveAliasResponse, ORDER_TIMEOUT_S
        )

    def list_aliases(self, query: SignedEnvelope) -> aliases_pb2.ListAliasesResponse:
        """The wallet's aliases."""
        request = aliases_pb2.ListAliasesRequest(query=query)
        return _ask(
            self._aliases.ListAliases, request, aliases_pb2.ListAliasesResponse, SHOW_TIMEOUT_S
        )

    def find_alias(self, query: SignedEnvelope, alias: str) -> aliases_pb2.FindAliasResponse:
        """Whom an alias stands for."""
        request = aliases_pb2.FindAliasRequest(query=query, alias=alias)
        return _ask(
            self._aliases.FindAlias, request, aliases_pb2.FindAliasResponse, ORDER_TIMEOUT_S
        )

    def pay_many(self, orders: Sequence[SignedEnvelope]) -> Sequence[states_pb2.ItemAnswer]:
        """Makes payments; an answer for each, in order. Raises BadAnswer if some have none."""
        answer = _ask(
            self._payments.PayMany,
            payments_pb2.PayManyRequest(orders=orders),
            payments_pb2.PayManyResponse,
            ORDER_TIMEOUT_S,
        )
        if len(answer.items) != len(orders):
            raise BadAnswer(
                _("{orders} orders got {answers} answers").format(
                    orders=len(orders), answers=len(answer.items)
                )
            )
        return list(answer.items)

    def get_payment(self, query: SignedEnvelope, payment_id: str) -> payments_pb2.Payment:
        """One payment."""
        request = payments_pb2.GetPaymentRequest(query=query, payment_id=payment_id)
        return _ask(
            self._payments.GetPayment, request, payments_pb2.GetPaymentResponse, SHOW_TIMEOUT_S
        ).payment

    def list_payments(
        self, query: SignedEnvelope, page_size: int, page_token: str
    ) -> payments_pb2.ListPaymentsResponse:
        """A page of payments, newest first."""
        request = payments_pb2.ListPaymentsRequest(
            query=query, page_size=page_size, page_token=page_token
        )
        return _ask(
            self._payments.ListPayments, request, payments_pb2.ListPaymentsResponse, SHOW_TIMEOUT_S
        )

    def watch(self, query: SignedEnvelope, after_position: int) -> Arrivals:
        """Watches money arriving after a position; 0 for from now on."""
        request = payments_pb2.WatchPaymentsRequest(query=query, after_position=after_position)
        stream: Arrivals = self._payments.WatchPayments(request)
        return stream

    def certify_device(self, order: SignedEnvelope) -> offline_pb2.CertifyDeviceResponse:
        """A certificate for the device's key."""
        request = offline_pb2.CertifyDeviceRequest(order=order)
        return _ask(
            self._offline.CertifyDevice, request, offline_pb2.CertifyDeviceResponse, ORDER_TIMEOUT_S
        )

    def load_tokens(self, order: SignedEnvelope) -> offline_pb2.LoadTokensResponse:
        """Money becomes tokens."""
        request = offline_pb2.LoadTokensRequest(order=order)
        return _ask(
            self._offline.LoadTokens, request, offline_pb2.LoadTokensResponse, ORDER_TIMEOUT_S
        )

    def deposit_tokens(self, order: SignedEnvelope) -> offline_pb2.DepositTokensResponse:
        """Tokens become money."""
        request = offline_pb2.DepositTokensRequest(order=order)
        return _ask(
            self._offline.DepositTokens, request, offline_pb2.DepositTokensResponse, ORDER_TIMEOUT_S
        )

    def trust_bundle(self) -> bytes:
        """The newest signed trust bundle."""
        request = offline_pb2.GetTrustBundleRequest()
        return _ask(
            self._offline.GetTrustBundle,
            request,
            offline_pb2.GetTrustBundleResponse,
            SHOW_TIMEOUT_S,
        ).trust_bundle

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        """The root's statements about devices and their banks that the bundle does not cover."""
        request = offline_pb2.GetTrustBundleRequest(certificates=certificates)
        answer = _ask(
            self._offline.GetTrustBundle,
            request,
            offline_pb2.GetTrustBundleResponse,
            SHOW_TIMEOUT_S,
        )
        return list(answer.statements)


def _stub(kind: Callable[[grpc.Channel], T], channel: grpc.Channel) -> T:
    return kind(channel)


def _ask(
    call: Callable[..., object], request: Message, kind: type[Answer], timeout_s: float
) -> Answer:
    """Calls; the answer with its type, which generated stubs do not tell."""
    answer = call(request, timeout=timeout_s)
    if not isinstance(answer, kind):
        raise TypeError(f"{kind.__name__} expected, {type(answer).__name__} came")
    return answer
