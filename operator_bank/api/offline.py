"""The service of offline money over gRPC: translates, and decides nothing."""

from __future__ import annotations

import grpc

from dcep.bank.v1 import offline_pb2, offline_pb2_grpc
from operator_bank.api.answers import patience_s
from operator_bank.app import OperatorBank
from runtime.errors import as_reason


class GrpcOffline(offline_pb2_grpc.OfflineServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def CertifyDevice(
        self, request: offline_pb2.CertifyDeviceRequest, context: grpc.ServicerContext
    ) -> offline_pb2.CertifyDeviceResponse:  # noqa: N802
        device, bank = self._bank.offline.certifying.certify(request.order)
        return offline_pb2.CertifyDeviceResponse(device_certificate=device, bank_certificate=bank)

    def LoadTokens(
        self, request: offline_pb2.LoadTokensRequest, context: grpc.ServicerContext
    ) -> offline_pb2.LoadTokensResponse:  # noqa: N802
        state, tokens, reason = self._bank.offline.loads.load(request.order)
        return offline_pb2.LoadTokensResponse(state=state, tokens=tokens, reason=reason)  # type: ignore[arg-type]

    def DepositTokens(
        self, request: offline_pb2.DepositTokensRequest, context: grpc.ServicerContext
    ) -> offline_pb2.DepositTokensResponse:  # noqa: N802
        state, fen, available, reason = self._bank.offline.deposits.deposit(
            request.order, patience_s(context)
        )
        return offline_pb2.DepositTokensResponse(
            state=state,  # type: ignore[arg-type]
            amount_fen=fen,
            available_fen=available,
            reason=as_reason(reason),
        )

    def GetTrustBundle(
        self, request: offline_pb2.GetTrustBundleRequest, context: grpc.ServicerContext
    ) -> offline_pb2.GetTrustBundleResponse:  # noqa: N802
        offline = self._bank.offline
        if request.certificates:
            said = offline.statements(request.certificates)
            return offline_pb2.GetTrustBundleResponse(statements=said)
        return offline_pb2.GetTrustBundleResponse(trust_bundle=offline.trust_bundle())
