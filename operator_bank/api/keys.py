"""The service of wallets' keys over gRPC: translates, and decides nothing."""

from __future__ import annotations

import grpc

from dcep.bank.v1 import keys_pb2, keys_pb2_grpc
from operator_bank.app import OperatorBank


class GrpcKeys(keys_pb2_grpc.KeyServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def RequestKey(
        self, request: keys_pb2.RequestKeyRequest, context: grpc.ServicerContext
    ) -> keys_pb2.RequestKeyResponse:  # noqa: N802
        self._bank.keys.requests.ask(request.request)
        return keys_pb2.RequestKeyResponse()

    def GetKey(
        self, request: keys_pb2.GetKeyRequest, context: grpc.ServicerContext
    ) -> keys_pb2.GetKeyResponse:  # noqa: N802
        return self._bank.keys.state(request.query)

    def ObjectToKey(
        self, request: keys_pb2.ObjectToKeyRequest, context: grpc.ServicerContext
    ) -> keys_pb2.ObjectToKeyResponse:  # noqa: N802
        self._bank.keys.replacements.object(request.objection)
        return keys_pb2.ObjectToKeyResponse()

    def RotateKey(
        self, request: keys_pb2.RotateKeyRequest, context: grpc.ServicerContext
    ) -> keys_pb2.RotateKeyResponse:  # noqa: N802
        self._bank.keys.rotations.rotate(request.order)
        return keys_pb2.RotateKeyResponse()

    def FindWallet(
        self, request: keys_pb2.FindWalletRequest, context: grpc.ServicerContext
    ) -> keys_pb2.FindWalletResponse:  # noqa: N802
        number = self._bank.keys.recoveries.find(request.query)
        return keys_pb2.FindWalletResponse(wallet_number=number)

    def RecoverWallet(
        self, request: keys_pb2.RecoverWalletRequest, context: grpc.ServicerContext
    ) -> keys_pb2.RecoverWalletResponse:  # noqa: N802
        state = self._bank.keys.recoveries.recover(request.order)
        return keys_pb2.RecoverWalletResponse(state=state)  # type: ignore[arg-type]
