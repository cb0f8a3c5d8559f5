"""What an edge asks of its bank for each source at once: a bank that answers when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from dcep.bank.v1 import payments_pb2
from operator_bank.edge.forwarding import Forwarding
from operator_bank.edge.shares import PublicShares
from operator_bank.limits import (
    ANSWER_BYTES_EACH,
    KEY_REQUESTS_PER_MINUTE,
    LONGEST_ANSWER_BYTES,
    TURNS_EACH,
)
from tests.integration.sources import Relay

LIST = "/dcep.bank.v1.PaymentService/ListPayments"
BULK = "/dcep.bank.v1.PaymentService/PayMany"
WHO = payments_pb2.ListPaymentsRequest
SENT_ALREADY = 6
"""Megabytes that the system's buffers between edge and reader may hold."""


class SlowBank(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Notes what it is asked, and answers nothing before it may."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.may_answer = asyncio.Event()
        self.answer = b""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Every method alike."""
        return grpc.unary_unary_rpc_method_handler(self._answer)

    async def _answer(self, request: bytes, context: Any) -> bytes:
        self.asked.append(request)
        await self.may_answer.wait()
        return self.answer


class Port:
    """An edge's port, and callers from several addresses."""

    def __init__(self, bank: SlowBank, port: int, shares: PublicShares) -> None:
        self.bank = bank
        self.shares = shares
        self.relays: list[Relay] = []
        self._port = port

    @asynccontextmanager
    async def caller(self, source: str) -> AsyncIterator[grpc.aio.Channel]:
        """Somebody at an address."""
        relay = Relay(source, f"127.0.0.1:{self._port}")
        self.relays.append(relay)
        async with grpc.aio.insecure_channel(relay.address) as channel:
            yield channel
        relay.close()


def on_an_edge(tmp_path: Path, scene: Callable[[Port], Awaitable[None]]) -> None:
    """Plays a scene on an edge, whose sources have a quarter of its places each."""

    async def play() -> None:
        bank = SlowBank()
        own, edge = grpc.aio.server(handlers=[bank]), None
        own.add_insecure_port(f"unix:{tmp_path}/bank")
        await own.start()
        shares = PublicShares(calls_per_source=64, watches_per_source=4, openings_per_minute=60)
        async with grpc.aio.insecure_channel(f"unix:{tmp_path}/bank") as channel:
            edge = grpc.aio.server(handlers=[Forwarding(channel, shares)])
            port = edge.add_insecure_port("127.0.0.1:0")
            await edge.start()
            await scene(Port(bank, port, shares))
            bank.may_answer.set()
            await edge.stop(None)
        await own.stop(None)

    asyncio.run(asyncio.wait_for(play(), 60.0))


async def until(true: Callable[[], bool]) -> None:
    """Waits for something that is to happen."""
    while not true():
        await asyncio.sleep(0.01)


def request(page_size: int) -> bytes:
    """One that can be told from others."""
    return bytes(WHO(page_size=page_size).SerializeToString())


def has_heard(bank: SlowBank, count: int) -> bool:
    """Whether a bank was asked so often."""
    return len(bank.asked) >= count


async def too_late(call: Any) -> None:
    """A call's time is over before it has an answer."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_who_asks_for_much_at_once_waits_in_line_and_the_next_address_does_not(
    tmp_path: Path,
) -> None:
    async def scene(port: Port) -> None:
        async with port.caller("127.0.4.1") as greedy, port.caller("127.0.4.2") as other:
            many = [greedy.unary_unary(LIST)(request(1), timeout=50.0) for _ in range(40)]
            await until(lambda: len(port.bank.asked) == TURNS_EACH)
            one = other.unary_unary(LIST)(request(2), timeout=50.0)
            await until(lambda: request(2) in port.bank.asked)
            assert port.bank.asked == [request(1)] * TURNS_EACH + [request(2)]
            port.bank.may_answer.set()
            await asyncio.gather(one, *many)
            assert len(port.bank.asked) == 41

    on_an_edge(tmp_path, scene)


def test_who_gives_up_has_no_more_of_the_bank_than_who_waits(tmp_path: Path) -> None:
    """By a deadline or by hand: the bank works on, and the places stay taken until it is done."""

    async def scene(port: Port) -> None:
        async with port.caller("127.0.4.3") as channel:
            call = channel.unary_unary(LIST)
            for _ in range(TURNS_EACH // 2):
                left = call(request(1), timeout=50.0)
                asked = len(port.bank.asked) + 1
                await until(partial(has_heard, port.bank, asked))
                left.cancel()
                await too_late(call(request(1), timeout=0.5))
                await until(partial(has_heard, port.bank, asked + 1))
            last = call(request(2), timeout=50.0)
            await too_late(call(request(3), timeout=0.5))
            # The edge has heard of that too: the bank has those before it, and the last one waits.
            await until(lambda: len(port.shares.calls) == TURNS_EACH + 1)
            assert port.bank.asked == [request(1)] * TURNS_EACH
            port.bank.may_answer.set()
            await last
            assert port.bank.asked == [request(1)] * TURNS_EACH + [request(2)]

    on_an_edge(tmp_path, scene)


def test_long_answers_that_are_not_read_have_a_bound_in_bytes(tmp_path: Path) -> None:
    """A reader that stops reading; the next address is told what it asks all the same."""

    async def scene(port: Port) -> None:
        port.bank.answer, bundle = bytes(1 << 20), "/dcep.bank.v1.OfflineService/GetTrustBundle"
        port.bank.may_answer.set()
        room = max(LONGEST_ANSWER_BYTES, ANSWER_BYTES_EACH // 4) >> 20
        async with port.caller("127.0.4.4") as lazy, port.caller("127.0.4.5") as other:
            await lazy.unary_unary(bundle)(b"", timeout=50.0)
            port.relays[0].stop_reading()
            many = [lazy.unary_unary(bundle)(b"", timeout=50.0) for _ in range(room + 8)]
            await until(lambda: len(port.bank.asked) == room + 9)
            assert len(await other.unary_unary(bundle)(b"", timeout=50.0)) == 1 << 20
            port.relays[0].go_on()
            ends = await asyncio.gather(*many, return_exceptions=True)
            told = [one for one in ends if not isinstance(one, BaseException)]
            assert 0 < len(told) <= room + SENT_ALREADY
            for end in ends:
                if isinstance(end, grpc.aio.AioRpcError):
                    assert end.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert len(told) < len(ends)
            # What was read makes room again.
            await lazy.unary_unary(bundle)(b"", timeout=50.0)

    on_an_edge(tmp_path, scene)


def test_looking_for_wallets_is_bounded_for_each_source(tmp_path: Path) -> None:
    """By recovery keys, or by asking for keys: together, and for that address alone."""
    service = "/dcep.bank.v1.KeyService"
    names = ("FindWallet", "RecoverWallet", "RequestKey")

    async def scene(port: Port) -> None:
        port.bank.may_answer.set()
        async with port.caller("127.0.4.6") as thief, port.caller("127.0.4.7") as holder:
            for index in range(KEY_REQUESTS_PER_MINUTE):
                name = names[index % len(names)]
                await thief.unary_unary(f"{service}/{name}")(b"", timeout=50.0)
            for name in names:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await thief.unary_unary(f"{service}/{name}")(b"", timeout=50.0)
                assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert len(port.bank.asked) == KEY_REQUESTS_PER_MINUTE
            await holder.unary_unary(f"{service}/FindWallet")(b"", timeout=50.0)
            await thief.unary_unary(f"{service}/GetKey")(b"", timeout=50.0)

    on_an_edge(tmp_path, scene)
