"""What an edge asks its bank for those who watch: when money may have come, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dcep.bank.v1 import edge_pb2, payments_pb2
from operator_bank.edge.watches import Watches
from runtime.errors import Refusal

ACCOUNT = 17


class BusyBank:
    """Goes on with every question, though nothing comes for who watches until it is said."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.coming: list[payments_pb2.Payment] = []
        self.news: asyncio.Queue[list[int]] = asyncio.Queue()
        self.position = 100

    async def Arrivals(self, request: Any, timeout: float) -> Any:  # noqa: N802
        """What has come; the journal has gone on by then."""
        await asyncio.sleep(0)
        self.asked.append(request.after_position)
        self.position += 10
        answer = edge_pb2.ArrivalsResponse(position=self.position)
        for payment in self.coming:
            answer.arrivals.add(payment=payment)
        self.coming = []
        return answer

    async def FollowArrivals(self, request: Any) -> AsyncIterator[Any]:  # noqa: N802
        """The accounts that money has come to."""
        yield edge_pb2.FollowArrivalsResponse()
        while True:
            yield edge_pb2.FollowArrivalsResponse(accounts=await self.news.get())


async def settled() -> None:
    """Lets everything go as far as it comes by itself."""
    for _ in range(200):
        await asyncio.sleep(0)


def test_who_watches_a_busy_bank_asks_only_when_money_may_have_come() -> None:
    async def scene() -> None:
        bank = BusyBank()
        begun = edge_pb2.BeginWatchResponse(wallet_number="w", account=ACCOUNT, position=100)
        watch = Watches(bank).follow(begun)  # type: ignore[arg-type]
        heard = asyncio.ensure_future(anext(watch))
        await settled()
        # At the beginning, and when the stream of news has begun.
        assert bank.asked in ([100], [100, 110])
        quiet = len(bank.asked)
        await bank.news.put([ACCOUNT + 1])
        await settled()
        assert len(bank.asked) == quiet
        bank.coming = [payments_pb2.Payment(amount_fen=5)]
        await bank.news.put([ACCOUNT])
        arrival = payments_pb2.WatchPaymentsResponse.FromString(await asyncio.wait_for(heard, 10))
        assert arrival.payment.amount_fen == 5
        assert bank.asked[-1] == 100 + 10 * quiet
        heard = asyncio.ensure_future(anext(watch))
        await settled()
        assert len(bank.asked) == quiet + 2
        heard.cancel()
        await asyncio.gather(heard, return_exceptions=True)

    asyncio.run(scene())


def test_when_the_port_closes_a_watch_ends_and_none_begins() -> None:
    async def scene() -> None:
        begun = edge_pb2.BeginWatchResponse(wallet_number="w", account=ACCOUNT, position=100)
        watches = Watches(BusyBank())  # type: ignore[arg-type]
        heard = asyncio.ensure_future(anext(watches.follow(begun)))
        await settled()
        watches.end()
        for ended in (heard, anext(watches.follow(begun))):
            with pytest.raises(Refusal) as caught:
                await asyncio.wait_for(ended, 10)
            assert caught.value.name == "STOPPING"

    asyncio.run(scene())
