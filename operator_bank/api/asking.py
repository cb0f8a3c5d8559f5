"""The service of requests to pay over gRPC: translates, and decides nothing."""

from __future__ import annotations

import grpc

from dcep.bank.v1 import asking_pb2, asking_pb2_grpc
from operator_bank.api.answers import asked_response, patience_s
from operator_bank.app import OperatorBank


class GrpcAsking(asking_pb2_grpc.AskingServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def Ask(
        self, request: asking_pb2.AskRequest, context: grpc.ServicerContext
    ) -> asking_pb2.AskResponse:  # noqa: N802
        made, repeated = self._bank.asks.ask(request.order)
        return asking_pb2.AskResponse(request_to_pay_id=made, repeated=repeated)

    def PayAsked(
        self, request: asking_pb2.PayAskedRequest, context: grpc.ServicerContext
    ) -> asking_pb2.PayAskedResponse:  # noqa: N802
        return asked_response(*self._bank.asked_payments.pay(request.order, patience_s(context)))

    def ChangeAsked(
        self, request: asking_pb2.ChangeAskedRequest, context: grpc.ServicerContext
    ) -> asking_pb2.ChangeAskedResponse:  # noqa: N802
        return asking_pb2.ChangeAskedResponse(asked=self._bank.asks.change(request.order))

    def BlockAsker(
        self, request: asking_pb2.BlockAskerRequest, context: grpc.ServicerContext
    ) -> asking_pb2.BlockAskerResponse:  # noqa: N802
        self._bank.asks.block(request.order)
        return asking_pb2.BlockAskerResponse()

    def ListAsked(
        self, request: asking_pb2.ListAskedRequest, context: grpc.ServicerContext
    ) -> asking_pb2.ListAskedResponse:  # noqa: N802
        wallet = self._bank.wallets.asking(request.query, "dcep.bank.v1.AskingService/ListAsked")
        found, token = self._bank.asks.page(
            wallet, request.page_size, request.page_token, request.request_to_pay_id
        )
        return asking_pb2.ListAskedResponse(asked=found, next_page_token=token)
