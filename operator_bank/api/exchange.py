"""The service of exchange over gRPC: translates, and decides nothing."""

from __future__ import annotations

import grpc

from dcep.bank.v1 import exchange_pb2, exchange_pb2_grpc
from operator_bank.api.answers import item_answers
from operator_bank.app import OperatorBank


class GrpcExchange(exchange_pb2_grpc.ExchangeServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def Exchange(
        self, request: exchange_pb2.ExchangeRequest, context: grpc.ServicerContext
    ) -> exchange_pb2.ExchangeResponse:  # noqa: N802
        done, available = self._bank.exchange.exchange(request.order)
        return exchange_pb2.ExchangeResponse(available_fen=available, repeated=done.repeated)

    def SettleCashOut(
        self, request: exchange_pb2.SettleCashOutRequest, context: grpc.ServicerContext
    ) -> exchange_pb2.SettleCashOutResponse:  # noqa: N802
        state = self._bank.exchange.settle_cash_out(request.question)
        return exchange_pb2.SettleCashOutResponse(state=state)  # type: ignore[arg-type]

    def ExchangeMany(
        self, request: exchange_pb2.ExchangeManyRequest, context: grpc.ServicerContext
    ) -> exchange_pb2.ExchangeManyResponse:  # noqa: N802
        answers = self._bank.exchange.exchange_many(request.orders)
        return exchange_pb2.ExchangeManyResponse(items=item_answers(answers))
