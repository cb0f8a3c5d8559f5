"""The banks as gRPC peers: implements `registration.peers.BankPeers`."""

from __future__ import annotations

from collections.abc import Sequence

from central_bank.authentication.registry import Bank
from central_bank.limits import BANK_TIMEOUT_S
from currency import parties
from dcep.bank.v1 import bank_pb2, bank_pb2_grpc
from dcep.errors.v1 import errors_pb2
from runtime.channel import connect
from runtime.errors import NoAnswer, Refusal
from runtime.own_certificate import OwnCertificate
from runtime.tls import TlsFiles, pinned_credentials

_REASONS = frozenset(errors_pb2.Reason.values())


class GrpcBankPeers:
    """One channel a bank, made at the first question; only to the certificate that was admitted."""

    def __init__(self, files: TlsFiles, own: OwnCertificate | None = None) -> None:
        self._files = files
        self._own = own or OwnCertificate(files)
        self._stubs: dict[str, tuple[tuple[str, ...], bank_pb2_grpc.InboundServiceStub]] = {}

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
        made = self._stubs.get(bank.name)
        where = (bank.inner_address, bank.certificate_fingerprint, self._own.latest().fingerprint)
        if made is None or made[0] != where:
            # No lock: who asks another bank does not wait for one that cannot be reached.
            made = self._stubs[bank.name] = (where, self._connect(bank))
        return made[1]

    def _connect(self, bank: Bank) -> bank_pb2_grpc.InboundServiceStub:
        role, address = parties.bank(bank.name), bank.inner_address
        credentials = pinned_credentials(
            self._files, address, role, bank.certificate_fingerprint, timeout_s=BANK_TIMEOUT_S
        )
        return bank_pb2_grpc.InboundServiceStub(connect(address, credentials, role))
