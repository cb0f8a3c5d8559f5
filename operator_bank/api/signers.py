"""The service of wallets' signers over gRPC: translates, and decides nothing."""

from __future__ import annotations

import grpc

from dcep.bank.v1 import signers_pb2, signers_pb2_grpc
from operator_bank.api.answers import patience_s, pay_response
from operator_bank.app import OperatorBank

_SERVICE = "dcep.bank.v1.SignerService/"


class GrpcSigners(signers_pb2_grpc.SignerServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def SetSigners(
        self, request: signers_pb2.SetSignersRequest, context: grpc.ServicerContext
    ) -> signers_pb2.SetSignersResponse:  # noqa: N802
        return signers_pb2.SetSignersResponse(repeated=self._bank.signers.change(request.order))

    def Sign(
        self, request: signers_pb2.SignRequest, context: grpc.ServicerContext
    ) -> signers_pb2.SignResponse:  # noqa: N802
        together = self._bank.together
        which = request.WhichOneof("order")
        if which == "payment":
            signed = together.sign_payment(request.payment, patience_s(context))
        elif which == "release":
            signed = together.sign_release(request.release)
        else:
            signed = together.sign_list(request.signers)
        answer = signers_pb2.SignResponse(
            order_digest=signed.digest,
            signed=signed.places,
            threshold=signed.threshold,
            done=signed.done,
        )
        if signed.paid is not None:
            answer.paid.CopyFrom(pay_response(signed.paid, signed.available_fen))
        return answer

    def Withdraw(
        self, request: signers_pb2.WithdrawRequest, context: grpc.ServicerContext
    ) -> signers_pb2.WithdrawResponse:  # noqa: N802
        self._bank.together.withdraw(request.order)
        return signers_pb2.WithdrawResponse()

    def ListPending(
        self, request: signers_pb2.ListPendingRequest, context: grpc.ServicerContext
    ) -> signers_pb2.ListPendingResponse:  # noqa: N802
        wallet = self._bank.wallets.asking(request.query, f"{_SERVICE}ListPending")
        return signers_pb2.ListPendingResponse(pending=self._bank.together.pending(wallet))

    def GetRelease(
        self, request: signers_pb2.GetReleaseRequest, context: grpc.ServicerContext
    ) -> signers_pb2.GetReleaseResponse:  # noqa: N802
        wallet = self._bank.wallets.asking(request.query, f"{_SERVICE}GetRelease")
        payload = self._bank.together.release(wallet, request.order_digest)
        return signers_pb2.GetReleaseResponse(payload=payload)

    def ListSigners(
        self, request: signers_pb2.ListSignersRequest, context: grpc.ServicerContext
    ) -> signers_pb2.ListSignersResponse:  # noqa: N802
        wallet = self._bank.wallets.asking(request.query, f"{_SERVICE}ListSigners")
        listed = self._bank.signers.shown(wallet)
        return signers_pb2.ListSignersResponse(
            list_number=listed.number,
            threshold=listed.threshold,
            signers=listed.signers,
            asked=listed.asked,
        )
