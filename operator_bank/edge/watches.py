"""Serves wallets that watch what arrives: one stream from the bank tells the edge, and no thread
waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager

import grpc

from dcep.bank.v1 import edge_pb2, edge_pb2_grpc
from dcep.errors.v1 import errors_pb2
from operator_bank.limits import ARRIVALS_AT_ONCE, MAX_WATCHES, REJOIN_S, WATCHES_EACH
from runtime.errors import Refusal
from runtime.limits import DEFAULT_DEADLINE_S
from runtime.logs import logger
from runtime.shares import Shares


class Watches:
    """The streams of WatchPayments.

    While anybody watches, the bank names the accounts that were credited, on one stream. If one of
    them is watched, the edge asks what has arrived, for a bounded number of wallets at a time.
    """

    def __init__(self, bank: edge_pb2_grpc.EdgeServiceStub) -> None:
        self._bank = bank
        self._of_wallet = Shares("watches of one wallet", whole=MAX_WATCHES, each=WATCHES_EACH)
        self._told: dict[int, set[asyncio.Event]] = {}
        self._asking = asyncio.Semaphore(ARRIVALS_AT_ONCE)
        self._listening: asyncio.Task[None] | None = None
        self._ending = False
        self._log = logger("edge")

    def end(self) -> None:
        """Ends every watch, with STOPPING: the port takes no more calls."""
        self._ending = True
        self._wake(tuple(self._told))

    async def begin(self, request: bytes) -> edge_pb2.BeginWatchResponse:
        """Has the bank check the signed request, and returns whose wallet is watched from where."""
        asked = edge_pb2.BeginWatchRequest(request=request)
        begun: edge_pb2.BeginWatchResponse = await self._bank.BeginWatch(
            asked, timeout=DEFAULT_DEADLINE_S
        )
        return begun

    async def follow(self, begun: edge_pb2.BeginWatchResponse) -> AsyncGenerator[bytes, None]:
        """Yields what arrives in a wallet, as serialized WatchPaymentsResponses, for ever.

        Raises:
            Refusal: OVERLOADED, the wallet has too many watches; STOPPING, the port is closed.
        """
        position = begun.position
        with self._of_wallet.place(begun.wallet_number), self._telling(begun.account) as told:
            while True:
                told.clear()
                if self._ending:
                    raise Refusal(errors_pb2.REASON_STOPPING, "the bank is stopping; watch again")
                async with self._asking:
                    found = await self._arrivals(begun, position)
                for arrival in found.arrivals:
                    yield arrival.SerializeToString()
                # Not by how far the bank has looked: in a busy bank that goes on all the time.
                if not found.arrivals:
                    await told.wait()
                position = found.position

    async def _arrivals(
        self, begun: edge_pb2.BeginWatchResponse, position: int
    ) -> edge_pb2.ArrivalsResponse:
        asked = edge_pb2.ArrivalsRequest(
            wallet_number=begun.wallet_number, after_position=position, ticket=begun.ticket
        )
        found: edge_pb2.ArrivalsResponse = await self._bank.Arrivals(
            asked, timeout=DEFAULT_DEADLINE_S
        )
        return found

    @contextmanager
    def _telling(self, account: int) -> Iterator[asyncio.Event]:
        """An event that is set whenever something may have come to an account."""
        told = asyncio.Event()
        self._told.setdefault(account, set()).add(told)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        try:
            yield told
        finally:
            self._told[account].discard(told)
            if not self._told[account]:
                del self._told[account]
            if not self._told:
                self._listening.cancel()
                self._listening = None

    async def _listen(self) -> None:
        while True:
            try:
                stream = self._bank.FollowArrivals(edge_pb2.FollowArrivalsRequest())
                heard = False
                async for news in stream:
                    # The first message says that the stream has begun; what came before it was not
                    # announced.
                    self._wake(news.accounts if heard else tuple(self._told))
                    heard = True
            except grpc.aio.AioRpcError as error:
                self._log.warning("arrivals are not heard of", error=error.details())
            await asyncio.sleep(REJOIN_S)

    def _wake(self, accounts: Iterable[int]) -> None:
        """Sets the events of whoever waits for one of these accounts."""
        for account in accounts:
            for told in self._told.get(account, ()):
                told.set()
