"""Defines the wallet's bank, as the wallet calls it: `bank_client` over gRPC, tests in memory.

Every method raises `runtime.errors.Refusal` if the bank refuses, and `runtime.errors.NoAnswer` if
it does not answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from dcep.bank.v1 import (
    aliases_pb2,
    asking_pb2,
    exchange_pb2,
    keys_pb2,
    offline_pb2,
    payments_pb2,
    signers_pb2,
    states_pb2,
    sub_wallets_pb2,
    wallets_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope

GET_WALLET = "dcep.bank.v1.WalletService/GetWallet"
GET_PAYMENT = "dcep.bank.v1.PaymentService/GetPayment"
LIST_PAYMENTS = "dcep.bank.v1.PaymentService/ListPayments"
LIST_SUB_WALLETS = "dcep.bank.v1.SubWalletService/ListSubWallets"
LIST_ASKED = "dcep.bank.v1.AskingService/ListAsked"
LIST_ALIASES = "dcep.bank.v1.AliasService/ListAliases"
FIND_ALIAS = "dcep.bank.v1.AliasService/FindAlias"
LIST_PENDING = "dcep.bank.v1.SignerService/ListPending"
GET_RELEASE = "dcep.bank.v1.SignerService/GetRelease"
LIST_SIGNERS = "dcep.bank.v1.SignerService/ListSigners"
WATCH_PAYMENTS = "dcep.bank.v1.PaymentService/WatchPayments"
"""The methods that a query may be signed for."""


class Arrivals(Protocol):
    """A stream of money arriving, until it is cancelled or cut."""

    def __iter__(self) -> Iterator[payments_pb2.WatchPaymentsResponse]:
        """Yields arrivals."""
        ...

    def cancel(self) -> object:
        """Ends it, from any thread."""
        ...


class BankPort(Protocol):
    """A bank's public port."""

    def open_wallet(self, request: wallets_pb2.OpenWalletRequest) -> wallets_pb2.OpenWalletResponse:
        """Opens a wallet; repeats by request_id."""
        ...

    def send_code(self, request: wallets_pb2.SendCodeRequest) -> wallets_pb2.SendCodeResponse:
        """Has a code sent to a telephone."""
        ...

    def change_class(
        self, request: wallets_pb2.ChangeClassRequest
    ) -> wallets_pb2.ChangeClassResponse:
        """Gives a wallet another class."""
        ...

    def order_sub_wallet(self, order: SignedEnvelope) -> sub_wallets_pb2.SubWallet:
        """Opens, changes or closes a sub-wallet."""
        ...

    def list_sub_wallets(self, query: SignedEnvelope) -> sub_wallets_pb2.ListSubWalletsResponse:
        """The sub-wallets of a wallet, and the amounts that their limits are chosen from."""
        ...

    def get_wallet(self, query: SignedEnvelope) -> wallets_pb2.GetWalletResponse:
        """Balances, class, status."""
        ...

    def close_wallet(self, order: SignedEnvelope) -> wallets_pb2.CloseWalletResponse:
        """Closes an empty wallet."""
        ...

    def order_sweep(self, order: SignedEnvelope) -> wallets_pb2.OrderSweepResponse:
        """Has what payments bring over a level go on to the deposit account, or no more."""
        ...

    def request_key(self, request: SignedEnvelope) -> keys_pb2.RequestKeyResponse:
        """Asks for a key of a wallet in place of one that is lost."""
        ...

    def get_key(self, query: SignedEnvelope) -> keys_pb2.GetKeyResponse:
        """How things stand with the key that signs the question."""
        ...

    def object_to_key(self, objection: SignedEnvelope) -> keys_pb2.ObjectToKeyResponse:
        """Objects to a key that is to take this one's place."""
        ...

    def rotate_key(self, order: SignedEnvelope) -> keys_pb2.RotateKeyResponse:
        """Puts another key in the place of the one that signs."""
        ...

    def find_wallet(self, query: SignedEnvelope) -> keys_pb2.FindWalletResponse:
        """The wallet of the recovery key that signs the question."""
        ...

    def recover_wallet(self, order: SignedEnvelope) -> keys_pb2.RecoverWalletResponse:
        """Asks by the recovery key for a key in place of one that is lost."""
        ...

    def set_signers(self, order: SignedEnvelope) -> signers_pb2.SetSignersResponse:
        """Puts a list of signers in force."""
        ...

    def sign(self, request: signers_pb2.SignRequest) -> signers_pb2.SignResponse:
        """Signs what takes several signatures."""
        ...

    def withdraw(self, order: SignedEnvelope) -> signers_pb2.WithdrawResponse:
        """Ends what waits for signatures."""
        ...

    def list_pending(self, query: SignedEnvelope) -> signers_pb2.ListPendingResponse:
        """What waits for signatures."""
        ...

    def get_release(self, query: SignedEnvelope, digest: bytes) -> signers_pb2.GetReleaseResponse:
        """The bytes of a release that waits for signatures."""
        ...

    def list_signers(self, query: SignedEnvelope) -> signers_pb2.ListSignersResponse:
        """The wallet's signers, and which keys ask to be one."""
        ...

    def exchange(self, order: SignedEnvelope) -> exchange_pb2.ExchangeResponse:
        """Exchanges deposit or cash for money of the wallet, or back."""
        ...

    def pay(self, order: SignedEnvelope) -> payments_pb2.PayResponse:
        """Makes a payment."""
        ...

    def refund(self, order: SignedEnvelope) -> payments_pb2.RefundResponse:
        """Gives back a payment that was received, or a part of it."""
        ...

    def ask(self, order: SignedEnvelope) -> asking_pb2.AskResponse:
        """Asks another wallet for money; repeats by the request's id."""
        ...

    def pay_asked(self, order: SignedEnvelope) -> asking_pb2.PayAskedResponse:
        """Pays what another wallet has asked for, or a part of it."""
        ...

    def change_asked(self, order: SignedEnvelope) -> asking_pb2.ChangeAskedResponse:
        """Declines or withdraws a request to pay, or reminds of it."""
        ...

    def block_asker(self, order: SignedEnvelope) -> asking_pb2.BlockAskerResponse:
        """Shows no more requests of an asker, or again."""
        ...

    def list_asked(
        self, query: SignedEnvelope, page_size: int, page_token: str, request_to_pay_id: str
    ) -> asking_pb2.ListAskedResponse:
        """A page of requests to pay, newest first; of one id if it is given."""
        ...

    def add_alias(self, request: aliases_pb2.AddAliasRequest) -> aliases_pb2.AddAliasResponse:
        """Takes an alias."""
        ...

    def remove_alias(self, order: SignedEnvelope) -> aliases_pb2.RemoveAliasResponse:
        """Gives an alias up."""
        ...

    def list_aliases(self, query: SignedEnvelope) -> aliases_pb2.ListAliasesResponse:
        """The wallet's aliases."""
        ...

    def find_alias(self, query: SignedEnvelope, alias: str) -> aliases_pb2.FindAliasResponse:
        """Whom an alias stands for."""
        ...

    def pay_many(self, orders: Sequence[SignedEnvelope]) -> Sequence[states_pb2.ItemAnswer]:
        """Makes payments, as many as one call may carry; an answer for each, in order."""
        ...

    def get_payment(self, query: SignedEnvelope, payment_id: str) -> payments_pb2.Payment:
        """One payment."""
        ...

    def list_payments(
        self, query: SignedEnvelope, page_size: int, page_token: str
    ) -> payments_pb2.ListPaymentsResponse:
        """A page of payments, newest first."""
        ...

    def watch(self, query: SignedEnvelope, after_position: int) -> Arrivals:
        """Watches money arriving after a position of the bank's journal; 0 for from now on."""
        ...

    def certify_device(self, order: SignedEnvelope) -> offline_pb2.CertifyDeviceResponse:
        """A certificate for the device's key."""
        ...

    def load_tokens(self, order: SignedEnvelope) -> offline_pb2.LoadTokensResponse:
        """Money becomes tokens."""
        ...

    def deposit_tokens(self, order: SignedEnvelope) -> offline_pb2.DepositTokensResponse:
        """Tokens become money."""
        ...

    def trust_bundle(self) -> bytes:
        """The newest signed trust bundle."""
        ...

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        """The root's statements about devices and their banks that the bundle does not cover."""
        ...


class Banks(Protocol):
    """Reaches banks."""

    def at(self, address: str, ca: str, name: str) -> BankPort:
        """The bank of that name at host:port, whose certificate is checked against the PEM file
        `ca`.
        """
        ...
