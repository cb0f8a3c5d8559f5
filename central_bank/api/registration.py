"""RegistrationService over gRPC: translates, and decides nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial

import grpc

from central_bank.authentication.banks import AdmittedBank, Registry
from central_bank.ledger.standing import Standing
from central_bank.limits import FEED_WAIT_S, FEEDS_EACH
from central_bank.registration.carrying import Carrying
from central_bank.registration.feed import Feed
from central_bank.registration.offline.deposits import Deposits
from central_bank.registration.offline.issuance import Loads
from central_bank.registration.offline.outcomes import as_verdict
from central_bank.registration.settlement import Settlement, check_incarnation
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2, registration_pb2_grpc
from runtime.calls import Call
from runtime.errors import NoAnswer, Refusal, as_reason
from runtime.news import News
from runtime.shares import overloaded
from runtime.tls import peer
from settlement.ledger import Ledger


class GrpcRegistration(registration_pb2_grpc.RegistrationServiceServicer):
    """See protos/dcep/registration/v1."""

    def __init__(
        self,
        registry: Registry,
        settlement: Settlement,
        loads: Loads,
        deposits: Deposits,
        feed: Feed,
        carrying: Carrying,
        ledger: Ledger,
        standing: Standing,
    ) -> None:
        self._registry = registry
        self._settlement = settlement
        self._loads = loads
        self._deposits = deposits
        self._feed = feed
        self._carrying = carrying
        self._standing = standing
        self._news = News(ledger)
        self._followers: dict[str, deque[Call]] = {}

    def SubmitPayments(
        self, request: registration_pb2.SubmitPaymentsRequest, context: grpc.ServicerContext
    ) -> registration_pb2.SubmitPaymentsResponse:  # noqa: N802
        self._standing.check_heard()
        return self._settlement.submit(self._bank(context), request.batch)

    async def FollowFeed(
        self, request: registration_pb2.FollowFeedRequest, call: Call
    ) -> AsyncIterator[registration_pb2.FollowFeedResponse]:  # noqa: N802
        with self._followed(self._bank(call), call):
            begin = partial(
                self._feed.start,
                self._bank(call),
                request.after,
                incarnation=request.incarnation,
                ends_at=request.journal_position,
                acts_end_at=request.acts_number,
                session=request.session,
                tip=request.tip if request.HasField("tip") else None,
            )
            link = await call.in_thread(begin)
            told = -1  # the first message comes at once: a bank that starts waits for it
            while True:
                # Looked up each time: a suspended bank is cut off here too.
                bank = self._bank(call)
                check_incarnation(bank, request.incarnation)
                number = self._feed.announced_number
                say = partial(self._feed.after, bank, link, with_tip=number != told)
                found, read = await call.in_thread(say)
                if found is not None:
                    told = number
                    yield found
                if read.position == link.position:
                    await self._wait_for_news(call, link.position, told)
                link = read

    async def _wait_for_news(self, call: Call, position: int, told: int) -> None:
        """Waits for the journal to grow past a position, or for other keys than were told."""
        while self._feed.announced_number == told:
            if await self._news.after(position, FEED_WAIT_S):
                return
            self._bank(call)

    def AcknowledgeFeed(
        self, request: registration_pb2.AcknowledgeFeedRequest, context: grpc.ServicerContext
    ) -> registration_pb2.AcknowledgeFeedResponse:  # noqa: N802
        self._feed.acknowledge(self._bank(context), request.receipt, request.session)
        return registration_pb2.AcknowledgeFeedResponse()

    @contextmanager
    def _followed(self, bank: AdmittedBank, call: Call) -> Iterator[None]:
        """Ends a bank's oldest feed if it follows too many, so that it need not wait for the end of
        the old one when it comes back.
        """
        mine = self._followers.setdefault(bank.name, deque())
        mine.append(call)
        if len(mine) > FEEDS_EACH:
            mine[0].cut_off(overloaded("a newer feed of this bank is followed"))
        try:
            yield
        finally:
            mine.remove(call)
            if not mine:
                del self._followers[bank.name]

    def RegisterTokens(
        self, request: registration_pb2.RegisterTokensRequest, context: grpc.ServicerContext
    ) -> registration_pb2.RegisterTokensResponse:  # noqa: N802
        self._standing.check_heard()
        outcome, made = self._loads.register(self._bank(context), request.registration)
        return registration_pb2.RegisterTokensResponse(outcome=outcome, tokens=made)

    def DepositTokens(
        self, request: registration_pb2.DepositTokensRequest, context: grpc.ServicerContext
    ) -> registration_pb2.DepositTokensResponse:  # noqa: N802
        self._standing.check_heard()
        outcomes = self._deposits.deposit(self._bank(context), request.deposit)
        return registration_pb2.DepositTokensResponse(
            outcomes=[
                registration_pb2.DepositOutcome(
                    number=o.number,
                    state=o.state,  # type: ignore[arg-type]
                    reason=as_reason(o.reason),
                    amount_fen=o.amount_fen,
                    verdict=as_verdict(o.verdict),
                    refusal=o.refusal,
                )
                for o in outcomes
            ]
        )

    async def CarryRequests(
        self, request: registration_pb2.CarryRequestsRequest, call: Call
    ) -> registration_pb2.CarryRequestsResponse:  # noqa: N802
        # No thread waits for the other bank.
        answer = self._carrying.begin(self._bank(call), request.prefix, request.items)
        try:
            await asyncio.wrap_future(answer)
        except NoAnswer:
            raise Refusal(
                errors_pb2.REASON_PEER_UNAVAILABLE, "the other bank does not answer now"
            ) from None
        return registration_pb2.CarryRequestsResponse()

    def _bank(self, context: grpc.ServicerContext | Call) -> AdmittedBank:
        return self._registry.require_active(peer(context))
