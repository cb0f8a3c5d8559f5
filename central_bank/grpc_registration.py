"""RegistrationService over gRPC: translates, and decides nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc

from central_bank.authentication.registry import Bank, Registry
from central_bank.limits import FEED_WAIT_S, MAX_FOLLOWERS
from central_bank.registration.deposits import Deposits
from central_bank.registration.feed import Feed
from central_bank.registration.loads import Loads
from central_bank.registration.settle import Settlement
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2, registration_pb2_grpc
from runtime.checks import journal_position
from runtime.errors import Refusal
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
        ledger: Ledger,
    ) -> None:
        self._registry = registry
        self._settlement = settlement
        self._loads = loads
        self._deposits = deposits
        self._feed = feed
        self._ledger = ledger
        self._followers = threading.BoundedSemaphore(MAX_FOLLOWERS)

    def SubmitPayments(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return self._settlement.submit(self._bank(context), request.batch)

    def FollowFeed(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        if not self._followers.acquire(blocking=False):
            raise Refusal(
                errors_pb2.REASON_OVERLOADED, f"{MAX_FOLLOWERS} feeds are followed already"
            )
        try:
            position = journal_position(request.after_position)
            while context.is_active():
                # Looked up each time: a suspended bank is cut off here too.
                bank = self._bank(context)
                found, read = self._feed.after(bank, position)
                if found.entries:
                    yield found
                if read == position:
                    self._ledger.wait(position, FEED_WAIT_S)
                position = read
        finally:
            self._followers.release()

    def RegisterTokens(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        outcome, made = self._loads.register(self._bank(context), request.registration)
        return registration_pb2.RegisterTokensResponse(outcome=outcome, tokens=made)

    def DepositTokens(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        outcomes = self._deposits.deposit(self._bank(context), request.deposit)
        return registration_pb2.DepositTokensResponse(
            outcomes=[
                registration_pb2.DepositOutcome(
                    number=o.number,
                    state=o.state,  # type: ignore[arg-type]
                    reason=o.reason,
                    amount_fen=o.amount_fen,
                    verdict=o.verdict,
                )
                for o in outcomes
            ]
        )

    def _bank(self, context: grpc.ServicerContext) -> Bank:
        return self._registry.welcome(peer(context))
