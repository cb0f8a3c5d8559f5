"""Serves what the bank's own edge asks, besides what it forwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import grpc

from dcep.bank.v1 import edge_pb2, edge_pb2_grpc, payments_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.api.answers import patience_s, pay_response
from operator_bank.app import OperatorBank
from operator_bank.edge.forwarding import PAY
from operator_bank.edge.tickets import Tickets
from operator_bank.ledger.reasons import refusal_of
from operator_bank.limits import ARRIVALS_PAUSE_S, WATCH_WAIT_S
from operator_bank.payments.ends import Ends
from operator_bank.payments.payments import PaidAlone
from operator_bank.payments.rows import PENDING
from runtime.calls import Call
from runtime.checks import invalid, journal_position
from runtime.errors import Refusal, as_reason, to_status
from runtime.messages import read
from runtime.metrics import CallMetrics
from runtime.news import News
from settlement.records import Result

_ARRIVALS = 100
_WATCHED, _ON_ITS_WAY = "watched", "on its way"
_WATCH = "dcep.bank.v1.PaymentService/WatchPayments"


class GrpcEdge(edge_pb2_grpc.EdgeServiceServicer):
    """See protos/dcep/bank/v1/edge.proto."""

    def __init__(self, bank: OperatorBank, metrics: CallMetrics) -> None:
        self._bank = bank
        self._metrics = metrics
        self._news = News(bank.books.ledger)
        self._tickets = Tickets()
        self._ends = Ends(bank.outgoing.over)
        bank.outgoing.on_ended = self._ends.told

    def PayTogether(
        self, request: edge_pb2.PayTogetherRequest, context: grpc.ServicerContext
    ) -> edge_pb2.PayTogetherResponse:  # noqa: N802
        orders = [_order(data) for data in request.requests]
        readable = [order for order in orders if not isinstance(order, Refusal)]
        paid = iter(self._bank.payments.pay_together(readable))
        reasons: Counter[str] = Counter()
        answers = []
        for order in orders:
            answer = order if isinstance(order, Refusal) else next(paid)
            if isinstance(answer, Refusal):
                reasons[answer.name] += 1
                status = to_status(answer).SerializeToString()
                answers.append(edge_pb2.PayAnswer(status=status))
            else:
                reasons["OK"] += 1
                answers.append(self._answer(answer))
        for reason, count in reasons.items():
            self._metrics.count(PAY, reason, count)
        return edge_pb2.PayTogetherResponse(answers=answers)

    async def AwaitEnd(
        self, request: edge_pb2.AwaitEndRequest, call: Call
    ) -> edge_pb2.AwaitEndResponse:  # noqa: N802
        payment = request.payment
        self._tickets.check(payment.ticket, _ON_ITS_WAY, payment.number, payment.account)
        state, reason = await self._ends.of(payment.number, patience_s(call))
        available = await call.in_thread(self._bank.payments.available_fen, payment.account)
        return edge_pb2.AwaitEndResponse(
            state=state,  # type: ignore[arg-type]
            reason=as_reason(reason),
            available_fen=available,
        )

    def BeginWatch(
        self, request: edge_pb2.BeginWatchRequest, context: grpc.ServicerContext
    ) -> edge_pb2.BeginWatchResponse:  # noqa: N802
        asked = read(payments_pb2.WatchPaymentsRequest, request.request)
        wallet = self._bank.wallets.asking(asked.query, _WATCH)
        return edge_pb2.BeginWatchResponse(
            wallet_number=wallet.number,
            account=wallet.account,
            position=journal_position(asked.after_position) or self._bank.books.ledger.position(),
            ticket=self._tickets.give(_WATCHED, wallet.number, wallet.public_key.hex()),
        )

    def Arrivals(
        self, request: edge_pb2.ArrivalsRequest, context: grpc.ServicerContext
    ) -> edge_pb2.ArrivalsResponse:  # noqa: N802
        wallet = self._bank.directory.get(request.wallet_number)
        if not any(self._watches(request.ticket, wallet.number, key) for key in wallet.all_keys):
            if not wallet.key_number:
                raise invalid("ticket", "was not given for this")
            # A watch that a key of before began ends.
            raise refusal_of(Result.KEY_REPLACED)
        arrived, seen = self._bank.history.arrivals(wallet, request.after_position, _ARRIVALS)
        available = self._bank.wallets.state(wallet).available_fen if arrived else 0
        answer = edge_pb2.ArrivalsResponse(position=seen)
        for payment in arrived:
            answer.arrivals.add(payment=payment, available_fen=available)
        return answer

    def _watches(self, ticket: bytes, number: str, key: bytes) -> bool:
        """Whether whoever has a key of a wallet began this watch."""
        try:
            self._tickets.check(ticket, _WATCHED, number, key.hex())
        except Refusal:
            return False
        return True

    async def FollowArrivals(
        self, request: edge_pb2.FollowArrivalsRequest, call: Call
    ) -> AsyncIterator[edge_pb2.FollowArrivalsResponse]:  # noqa: N802
        position = self._bank.books.ledger.position()
        yield edge_pb2.FollowArrivalsResponse()
        while True:
            if await self._news.after(position, WATCH_WAIT_S):
                accounts, position = await call.in_thread(self._bank.history.credited, position)
                if accounts:
                    yield edge_pb2.FollowArrivalsResponse(accounts=accounts)
                await asyncio.sleep(ARRIVALS_PAUSE_S)

    def _answer(self, alone: PaidAlone) -> edge_pb2.PayAnswer:
        answer = edge_pb2.PayAnswer(response=pay_response(alone.paid, alone.available_fen))
        if alone.paid.state == PENDING:
            number, account = alone.paid.number, alone.account
            answer.on_its_way.number, answer.on_its_way.account = number, account
            answer.on_its_way.ticket = self._tickets.give(_ON_ITS_WAY, number, account)
        return answer


def _order(data: bytes) -> SignedEnvelope | Refusal:
    try:
        order: SignedEnvelope = read(payments_pb2.PayRequest, data).order
    except Refusal as refusal:
        return refusal
    return order
