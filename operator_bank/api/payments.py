"""The service of payments over gRPC: translates, and decides nothing."""

from __future__ import annotations

import grpc

from dcep.bank.v1 import payments_pb2, payments_pb2_grpc
from operator_bank.api.answers import item_answers, patience_s, pay_response, refund_response
from operator_bank.app import OperatorBank

_SERVICE = "dcep.bank.v1.PaymentService/"


class GrpcPayments(payments_pb2_grpc.PaymentServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def Pay(
        self, request: payments_pb2.PayRequest, context: grpc.ServicerContext
    ) -> payments_pb2.PayResponse:  # noqa: N802
        return pay_response(*self._bank.payments.pay(request.order, patience_s(context)))

    def PayMany(
        self, request: payments_pb2.PayManyRequest, context: grpc.ServicerContext
    ) -> payments_pb2.PayManyResponse:  # noqa: N802
        return payments_pb2.PayManyResponse(
            items=item_answers(self._bank.payments.pay_many(request.orders))
        )

    def Refund(
        self, request: payments_pb2.RefundRequest, context: grpc.ServicerContext
    ) -> payments_pb2.RefundResponse:  # noqa: N802
        return refund_response(*self._bank.refunds.refund(request.order, patience_s(context)))

    def GetPayment(
        self, request: payments_pb2.GetPaymentRequest, context: grpc.ServicerContext
    ) -> payments_pb2.GetPaymentResponse:  # noqa: N802
        wallet = self._bank.wallets.asking(request.query, f"{_SERVICE}GetPayment")
        payment = self._bank.history.get(wallet, request.payment_id)
        return payments_pb2.GetPaymentResponse(payment=payment)

    def ListPayments(
        self, request: payments_pb2.ListPaymentsRequest, context: grpc.ServicerContext
    ) -> payments_pb2.ListPaymentsResponse:  # noqa: N802
        wallet = self._bank.wallets.asking(request.query, f"{_SERVICE}ListPayments")
        payments, token = self._bank.history.page(wallet, request.page_size, request.page_token)
        return payments_pb2.ListPaymentsResponse(payments=payments, next_page_token=token)
