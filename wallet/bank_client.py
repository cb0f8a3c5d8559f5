"""The bank over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from dcep.bank.v1 import bank_pb2, bank_pb2_grpc
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope

from runtime.channel import connect
from wallet.home import HomeError
from wallet.limits import ORDER_TIMEOUT_S, SHOW_TIMEOUT_S


class GrpcBanks:
    """Channels to banks, one an address; `close` ends them."""

    def __init__(self) -> None:
        self._banks: dict[tuple[str, str], GrpcBank] = {}

    def at(self, address: str, ca: str) -> GrpcBank:
        """The bank at host:port. Raises HomeError when the CA file cannot be read."""
        if (address, ca) not in self._banks:
            try:
                roots = Path(ca).read_bytes()
            except OSError as error:
                raise HomeError(
                    f"the certificate that the bank is checked against, {ca!r}, cannot be read: "
                    f"{error.strerror}"
                ) from error
            credentials = grpc.ssl_channel_credentials(root_certificates=roots)
            self._banks[address, ca] = GrpcBank(connect(address, credentials))
        return self._banks[address, ca]

    def close(self) -> None:
        """Ends all channels."""
        for bank in self._banks.values():
            bank.close()
        self._banks.clear()


class GrpcBank:
    """`wallet.bank.Bank` over a channel of `runtime.channel`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._wallets: Any = bank_pb2_grpc.WalletServiceStub(channel)
        self._exchange: Any = bank_pb2_grpc.ExchangeServiceStub(channel)
        self._payments: Any = bank_pb2_grpc.PaymentServiceStub(channel)
        self._offline: Any = bank_pb2_grpc.OfflineServiceStub(channel)

    def close(self) -> None:
        """Ends the channel."""
        self._channel.close()

    def open_wallet(self, request: bank_pb2.OpenWalletRequest) -> bank_pb2.OpenWalletResponse:
        """Opens a wallet."""
        return self._wallets.OpenWallet(request, timeout=ORDER_TIMEOUT_S)

    def get_wallet(self, query: SignedEnvelope) -> bank_pb2.GetWalletResponse:
        """Balances, class, status."""
        request = bank_pb2.GetWalletRequest(query=query)
        return self._wallets.GetWallet(request, timeout=SHOW_TIMEOUT_S)

    def close_wallet(self, order: SignedEnvelope) -> bank_pb2.CloseWalletResponse:
        """Closes an empty wallet."""
        request = bank_pb2.CloseWalletRequest(order=order)
        return self._wallets.CloseWallet(request, timeout=ORDER_TIMEOUT_S)

    def exchange(self, order: SignedEnvelope) -> bank_pb2.ExchangeResponse:
        """Deposit or cash, into the wallet or out of it."""
        request = bank_pb2.ExchangeRequest(order=order)
        return self._exchange.Exchange(request, timeout=ORDER_TIMEOUT_S)

    def pay(self, order: SignedEnvelope) -> bank_pb2.PayResponse:
        """Pays."""
        return self._payments.Pay(bank_pb2.PayRequest(order=order), timeout=ORDER_TIMEOUT_S)

    def get_payment(self, query: SignedEnvelope, payment_id: str) -> bank_pb2.Payment:
        """One payment."""
        request = bank_pb2.GetPaymentRequest(query=query, payment_id=payment_id)
        return self._payments.GetPayment(request, timeout=SHOW_TIMEOUT_S).payment

    def list_payments(
        self, query: SignedEnvelope, page_size: int, page_token: str
    ) -> bank_pb2.ListPaymentsResponse:
        """Newest first."""
        request = bank_pb2.ListPaymentsRequest(
            query=query, page_size=page_size, page_token=page_token
        )
        return self._payments.ListPayments(request, timeout=SHOW_TIMEOUT_S)

    def watch(self, query: SignedEnvelope) -> Iterator[bank_pb2.WatchPaymentsResponse]:
        """Money arriving, from now on."""
        return self._payments.WatchPayments(bank_pb2.WatchPaymentsRequest(query=query))

    def certify_device(self, order: SignedEnvelope) -> bank_pb2.CertifyDeviceResponse:
        """A certificate for the device's key."""
        request = bank_pb2.CertifyDeviceRequest(order=order)
        return self._offline.CertifyDevice(request, timeout=ORDER_TIMEOUT_S)

    def load_tokens(self, order: SignedEnvelope) -> bank_pb2.LoadTokensResponse:
        """Money becomes tokens."""
        request = bank_pb2.LoadTokensRequest(order=order)
        return self._offline.LoadTokens(request, timeout=ORDER_TIMEOUT_S)

    def deposit_tokens(self, order: SignedEnvelope) -> bank_pb2.DepositTokensResponse:
        """Tokens become money."""
        request = bank_pb2.DepositTokensRequest(order=order)
        return self._offline.DepositTokens(request, timeout=ORDER_TIMEOUT_S)

    def trust_bundle(self) -> bytes:
        """The newest signed trust bundle."""
        request = bank_pb2.GetTrustBundleRequest()
        return self._offline.GetTrustBundle(request, timeout=SHOW_TIMEOUT_S).trust_bundle
