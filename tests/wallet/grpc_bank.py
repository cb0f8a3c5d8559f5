"""The fake bank behind gRPC and TLS, for commands that run as processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import structlog
from prometheus_client import CollectorRegistry

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
    sub_wallets_pb2,
    sub_wallets_pb2_grpc,
    wallets_pb2,
    wallets_pb2_grpc,
)
from runtime.certificates import Authority
from runtime.errors import NoAnswer
from runtime.metrics import CallMetrics
from runtime.server import Server, Service
from runtime.tls import TlsFiles, server_credentials
from tests.wallet.fake_bank import FakeBank


def _silent(response: Any) -> Any:
    def around(call: Any) -> Any:
        def wrapped(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
            try:
                return call(self, request)
            except NoAnswer as error:
                context.set_code(grpc.StatusCode.UNAVAILABLE)
                context.set_details(str(error))
                return response()

        return wrapped

    return around


class Wallets(wallets_pb2_grpc.WalletServiceServicer):
    def __init__(self, bank: FakeBank) -> None:
        self.bank = bank

    @_silent(wallets_pb2.OpenWalletResponse)
    def OpenWallet(self, request: Any) -> Any:
        return self.bank.open_wallet(request)

    @_silent(wallets_pb2.SendCodeResponse)
    def SendCode(self, request: Any) -> Any:
        return self.bank.send_code(request)

    @_silent(wallets_pb2.ChangeClassResponse)
    def ChangeClass(self, request: Any) -> Any:
        return self.bank.change_class(request)

    @_silent(wallets_pb2.GetWalletResponse)
    def GetWallet(self, request: Any) -> Any:
        return self.bank.get_wallet(request.query)

    @_silent(wallets_pb2.OrderSweepResponse)
    def OrderSweep(self, request: Any) -> Any:
        return self.bank.order_sweep(request.order)


class Keys(keys_pb2_grpc.KeyServiceServicer):
    def __init__(self, bank: FakeBank) -> None:
        self.bank = bank

    @_silent(keys_pb2.RequestKeyResponse)
    def RequestKey(self, request: Any) -> Any:
        return self.bank.request_key(request.request)

    @_silent(keys_pb2.GetKeyResponse)
    def GetKey(self, request: Any) -> Any:
        return self.bank.get_key(request.query)

    @_silent(keys_pb2.ObjectToKeyResponse)
    def ObjectToKey(self, request: Any) -> Any:
        return self.bank.object_to_key(request.objection)

    @_silent(keys_pb2.RotateKeyResponse)
    def RotateKey(self, request: Any) -> Any:
        return self.bank.rotate_key(request.order)

    @_silent(keys_pb2.FindWalletResponse)
    def FindWallet(self, request: Any) -> Any:
        return self.bank.find_wallet(request.query)

    @_silent(keys_pb2.RecoverWalletResponse)
    def RecoverWallet(self, request: Any) -> Any:
        return self.bank.recover_wallet(request.order)


class SubWallets(sub_wallets_pb2_grpc.SubWalletServiceServicer):
    def __init__(self, bank: FakeBank) -> None:
        self.bank = bank

    @_silent(sub_wallets_pb2.OrderSubWalletResponse)
    def OrderSubWallet(self, request: Any) -> Any:
        done = self.bank.order_sub_wallet(request.order)
        return sub_wallets_pb2.OrderSubWalletResponse(sub_wallet=done)

    @_silent(sub_wallets_pb2.ListSubWalletsResponse)
    def ListSubWallets(self, request: Any) -> Any:
        return self.bank.list_sub_wallets(request.query)


class Exchange(exchange_pb2_grpc.ExchangeServiceServicer):
    def __init__(self, bank: FakeBank) -> None:
        self.bank = bank

    @_silent(exchange_pb2.ExchangeResponse)
    def Exchange(self, request: Any) -> Any:
        return self.bank.exchange(request.order)


class Asking(asking_pb2_grpc.AskingServiceServicer):
    def __init__(self, bank: FakeBank) -> None:
        self.bank = bank

    @_silent(asking_pb2.AskResponse)
    def Ask(self, request: Any) -> Any:
        return self.bank.ask(request.order)

    @_silent(asking_pb2.PayAskedResponse)
    def PayAsked(self, request: Any) -> Any:
        return self.bank.pay_asked(request.order)

    @_silent(asking_pb2.ChangeAskedResponse)
    def ChangeAsked(self, request: Any) -> Any:
        return self.bank.change_asked(request.order)

    @_silent(asking_pb2.BlockAskerResponse)
    def BlockAsker(self, request: Any) -> Any:
        return self.bank.block_asker(request.order)

    @_silent(asking_pb2.ListAskedResponse)
    def ListAsked(self, request: Any) -> Any:
        return self.bank.list_asked(
            request.query, request.page_size, request.page_token, request.request_to_pay_id
        )


class Aliases(aliases_pb2_grpc.AliasServiceServicer):
    def __init__(self, bank: FakeBank) -> None:
        self.bank = bank

    @_silent(aliases_pb2.AddAliasResponse)
    def AddAlias(self, request: Any) -> Any:
        return self.bank.add_alias(request)

    @_silent(aliases_pb2.RemoveAliasResponse)
    def RemoveAlias(self, request: Any) -> Any:
        return self.bank.remove_alias(request.order)

    @_silent(aliases_pb2.ListAliasesResponse)
    def ListAliases(self, request: Any) -> Any:
        return self.bank.list_aliases(request.query)

    @_silent(aliases_pb2.FindAliasResponse)
    def FindAlias(self, request: Any) -> Any:
        return self.bank.find_alias(request.query, request.alias)


class Payments(payments_pb2_grpc.PaymentServiceServicer):
    def __init__(self, bank: FakeBank) -> None:
        self.bank = bank

    @_silent(payments_pb2.PayResponse)
    def Pay(self, request: Any) -> Any:
        return self.bank.pay(request.order)

    @_silent(payments_pb2.RefundResponse)
    def Refund(self, request: Any) -> Any:
        return self.bank.refund(request.order)

    @_silent(payments_pb2.PayManyResponse)
    def PayMany(self, request: Any) -> Any:
        return payments_pb2.PayManyResponse(items=self.bank.pay_many(request.orders))

    @_silent(payments_pb2.GetPaymentResponse)
    def GetPayment(self, request: Any) -> Any:
        payment = self.bank.get_payment(request.query, request.payment_id)
        return payments_pb2.GetPaymentResponse(payment=payment)

    @_silent(payments_pb2.ListPaymentsResponse)
    def ListPayments(self, request: Any) -> Any:
        return self.bank.list_payments(request.query, request.page_size, request.page_token)

    def WatchPayments(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        stream = self.bank.watch(request.query, request.after_position)
        context.add_callback(stream.cancel)
        try:
            yield from stream
        except NoAnswer as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, str(error))


class Offline(offline_pb2_grpc.OfflineServiceServicer):
    def __init__(self, bank: FakeBank) -> None:
        self.bank = bank

    @_silent(offline_pb2.CertifyDeviceResponse)
    def CertifyDevice(self, request: Any) -> Any:
        return self.bank.certify_device(request.order)

    @_silent(offline_pb2.LoadTokensResponse)
    def LoadTokens(self, request: Any) -> Any:
        return self.bank.load_tokens(request.order)

    @_silent(offline_pb2.DepositTokensResponse)
    def DepositTokens(self, request: Any) -> Any:
        return self.bank.deposit_tokens(request.order)

    @_silent(offline_pb2.GetTrustBundleResponse)
    def GetTrustBundle(self, request: Any) -> Any:
        return offline_pb2.GetTrustBundleResponse(trust_bundle=self.bank.trust_bundle())


@contextmanager
def served(bank: FakeBank, stack: Path, offline_root: bytes = b"") -> Iterator[Server]:
    """Serves the bank and writes the stack's ``banks.json``."""
    # The server's log lines would mix with the output of commands that run in this process.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    authority = Authority.create("test")
    issued = authority.issue("dcep://bank/alpha")
    stack.mkdir(parents=True, exist_ok=True)
    files = TlsFiles(stack / "tls.crt", stack / "tls.key", stack / "ca.crt")
    files.certificate.write_bytes(issued.certificate_pem)
    files.key.write_bytes(issued.key_pem)
    files.ca.write_bytes(authority.certificate_pem)
    registry = CollectorRegistry()
    server = Server(
        [
            _service(wallets_pb2_grpc, "WalletService", Wallets(bank)),
            _service(keys_pb2_grpc, "KeyService", Keys(bank)),
            _service(sub_wallets_pb2_grpc, "SubWalletService", SubWallets(bank)),
            _service(exchange_pb2_grpc, "ExchangeService", Exchange(bank)),
            _service(payments_pb2_grpc, "PaymentService", Payments(bank)),
            _service(asking_pb2_grpc, "AskingService", Asking(bank)),
            _service(aliases_pb2_grpc, "AliasService", Aliases(bank)),
            _service(offline_pb2_grpc, "OfflineService", Offline(bank)),
        ],
        credentials=server_credentials(files, require_client=False),
        address="127.0.0.1:0",
        registry=registry,
        metrics=CallMetrics(registry),
    )
    address = f"127.0.0.1:{server.port}"
    entry = {"address": address, "ca": str(files.ca), "offline_root": offline_root.hex()}
    (stack / "banks.json").write_text(json.dumps({"alpha": entry}))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _service(module: Any, name: str, servicer: Any) -> Service:
    register = getattr(module, f"add_{name}Servicer_to_server")
    return Service(f"dcep.bank.v1.{name}", lambda server: register(servicer, server))
