"""The banks as gRPC peers: implements `registration.peers.BankPeers`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import grpc

from central_bank.authentication.registry import Bank
from central_bank.limits import BANK_TIMEOUT_S
from dcep.bank.v1 import bank_pb2, bank_pb2_grpc
from dcep.errors.v1 import errors_pb2
from runtime.channel import connect
from runtime.errors import NoAnswer, Refusal

_REASONS = frozenset(errors_pb2.Reason.values())


class GrpcBankPeers:
    """One channel a bank, made at the first question."""

    def __init__(self, credentials: grpc.ChannelCredentials) -> None:
        self._credentials = credentials
        self._stubs: dict[str, bank_pb2_grpc.InboundServiceStub] = {}
        self._lock = threading.Lock()

    def check(self, bank: Bank, payees: Sequence[tuple[str, int]]) -> list[int]:
        """See `registration.peers.BankPeers.check`."""
        request = bank_pb2.CheckPayeesRequest()
        for number, fen in payees:
            request.items.add(wallet_number=number, amount_fen=fen)
        try:
            answer = self._stub(bank).CheckPayees(request, timeout=BANK_TIMEOUT_S)
        except Refusal as refusal:
            raise NoAnswer(f"bank {bank.name} refused to say: {refusal}") from refusal
        if len(answer.reasons) != len(payees):
            raise NoAnswer(f"bank {bank.name} answered {len(answer.reasons)} of {len(payees)}")
        unknown = [reason for reason in answer.reasons if reason not in _REASONS]
        if unknown:
            raise NoAnswer(f"bank {bank.name} answered {unknown[0]}, which is no reason")
        return list(answer.reasons)

    def set_aside(self, bank: Bank, number: int, amount_fen: int) -> None:
        """See `registration.peers.BankPeers.set_aside`."""
        request = bank_pb2.SetAsideRequest(number=number, amount_fen=amount_fen)
        self._stub(bank).SetAside(request, timeout=BANK_TIMEOUT_S)

    def _stub(self, bank: Bank) -> bank_pb2_grpc.InboundServiceStub:
        with self._lock:
            stub = self._stubs.get(bank.inner_address)
            if stub is None:
                stub = bank_pb2_grpc.InboundServiceStub(
                    connect(bank.inner_address, self._credentials)
                )
                self._stubs[bank.inner_address] = stub
            return stub
