"""The central bank's questions over gRPC: can wallets be paid, is money reserved,
and what do other banks' wallets ask of those here."""

from __future__ import annotations

import grpc

from dcep.bank.v1 import inbound_pb2, inbound_pb2_grpc
from operator_bank.app import OperatorBank


class GrpcInbound(inbound_pb2_grpc.InboundServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def CheckPayees(
        self, request: inbound_pb2.CheckPayeesRequest, context: grpc.ServicerContext
    ) -> inbound_pb2.CheckPayeesResponse:  # noqa: N802
        # An older copy of the database would deny wallets that were opened since.
        self._bank.standing.check()
        said = self._bank.inbound.can_be_paid(request.wallet_numbers)
        return inbound_pb2.CheckPayeesResponse(can_be_paid=said)

    def TakeRequests(
        self, request: inbound_pb2.TakeRequestsRequest, context: grpc.ServicerContext
    ) -> inbound_pb2.TakeRequestsResponse:  # noqa: N802
        self._bank.standing.check()
        self._bank.taking.take(list(request.items))
        return inbound_pb2.TakeRequestsResponse()

    def AnswerAlias(
        self, request: inbound_pb2.AnswerAliasRequest, context: grpc.ServicerContext
    ) -> inbound_pb2.AnswerAliasResponse:  # noqa: N802
        self._bank.standing.check()
        answer = self._bank.alias_finding.answer(request.label, request.nonce, request.prefix)
        return inbound_pb2.AnswerAliasResponse(answer=answer)

    def ReserveForRedemption(
        self, request: inbound_pb2.ReserveForRedemptionRequest, context: grpc.ServicerContext
    ) -> inbound_pb2.ReserveForRedemptionResponse:  # noqa: N802
        self._bank.vault.reserve_for_redemption(request.number, request.amount_fen)
        return inbound_pb2.ReserveForRedemptionResponse()
