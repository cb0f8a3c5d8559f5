"""A bank over gRPC, as the replay needs it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import grpc

from console.cash_machine import CashMachine
from console.clients import BankOfficerClient
from dcep.bank.v1 import (
    exchange_pb2,
    exchange_pb2_grpc,
    officers_pb2,
    payments_pb2,
    payments_pb2_grpc,
    states_pb2,
    wallets_pb2,
    wallets_pb2_grpc,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from deployment.connections import ask, public_channel, stub
from deployment.topology import StackPlan
from sandbox.limits import BULK_TIMEOUT_S
from sandbox.replay.peers import until_answered


class GrpcBankPeer:
    """Implements BankPeer on a bank's public port and its officer's desk."""

    def __init__(self, plan: StackPlan, name: str) -> None:
        self.name = name
        self._channel: grpc.Channel = public_channel(plan, plan.bank(name).public_address)
        self._wallets = stub(wallets_pb2_grpc.WalletServiceStub, self._channel)
        self._exchange = stub(exchange_pb2_grpc.ExchangeServiceStub, self._channel)
        self._payments = stub(payments_pb2_grpc.PaymentServiceStub, self._channel)
        self._office = BankOfficerClient(plan, name)
        self._machine = CashMachine.of(plan, name)
        self._one_at_a_time = threading.Lock()

    def open_many(
        self, requests: Sequence[wallets_pb2.OpenWalletRequest]
    ) -> Sequence[wallets_pb2.OpenWalletResponse]:
        """Open wallets."""
        request = wallets_pb2.OpenWalletsRequest(items=requests)
        call = self._wallets.OpenWallets
        return list(
            until_answered(
                lambda: ask(call, request, wallets_pb2.OpenWalletsResponse, BULK_TIMEOUT_S)
            ).items
        )

    def cash_receipt(self, wallet_number: str, amount_fen: int) -> SignedEnvelope:
        """A receipt of the bank's machine."""
        return self._machine.receipt(wallet_number, amount_fen)

    def exchange_many(self, orders: Sequence[SignedEnvelope]) -> Sequence[states_pb2.ItemAnswer]:
        """Exchange."""
        request = exchange_pb2.ExchangeManyRequest(orders=orders)
        call = self._exchange.ExchangeMany
        return list(
            until_answered(
                lambda: ask(call, request, exchange_pb2.ExchangeManyResponse, BULK_TIMEOUT_S)
            ).items
        )

    def pay_many(self, orders: Sequence[SignedEnvelope]) -> Sequence[states_pb2.ItemAnswer]:
        """Pay; one call at a time, so that no order of a payer overtakes another."""
        request = payments_pb2.PayManyRequest(orders=orders)
        call = self._payments.PayMany
        with self._one_at_a_time:
            return list(
                until_answered(
                    lambda: ask(call, request, payments_pb2.PayManyResponse, BULK_TIMEOUT_S)
                ).items
            )

    def books(self) -> officers_pb2.GetBooksResponse:
        """The bank's books."""
        return until_answered(self._office.books)

    def close(self) -> None:
        """Close the connections."""
        self._office.channel.close()
        self._channel.close()
