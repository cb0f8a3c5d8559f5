"""Many wallets watch what arrives: each is told; they cost no thread and little memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from console.clients import BankOfficerClient
from dcep.bank.v1 import payments_pb2, states_pb2
from deployment.provisioning import ONE_SOURCE
from operator_bank.limits import WATCHES_EACH
from runtime.channel import served_by
from runtime.limits import MAX_WORKERS
from sandbox.demo.environment import System
from tests.integration.edges import edge_of
from tests.integration.raw_wallet import TIMEOUT_S, WATCH_PAYMENTS, BankStubs, RawWallet
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("watches"), pytest.mark.any_database]
WALLETS = 100
WATCHERS = WALLETS * WATCHES_EACH
A_CONNECTION = 200
MOST_KB_EACH = 150
WATCH = "/dcep.bank.v1.PaymentService/WatchPayments"


def threads_of(pid: int) -> int:
    """How many threads a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def memory_kb(pid: int) -> int:
    """What a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


class Watchers:
    """Open streams of every wallet, each of which is told of two payments."""

    def __init__(self, system: System, wallets: list[RawWallet], after_position: int) -> None:
        self._world = system
        self._wallets = wallets
        self._after = after_position
        self.all_told = asyncio.Semaphore(0)

    async def listen(self) -> list[list[int]]:
        """What each was told of, in fen."""
        root = self._world.plan.root_certificate.read_bytes()
        address = self._world.plan.bank("alpha").public_address
        options = [("grpc.use_local_subchannel_pool", 1), *served_by("dcep://bank/alpha")]
        credentials = grpc.ssl_channel_credentials(root)
        channels = [
            grpc.aio.secure_channel(address, credentials, options)
            for _ in range(WATCHERS // A_CONNECTION)
        ]
        try:
            async with asyncio.timeout(240):
                return await asyncio.gather(
                    *(self._one(i, channels[i // A_CONNECTION]) for i in range(WATCHERS))
                )
        finally:
            for channel in channels:
                await channel.close()

    async def wait_all_told(self) -> None:
        """Until each was told of its first payment."""
        for _ in range(WATCHERS):
            await self.all_told.acquire()

    async def _one(self, index: int, channel: grpc.aio.Channel) -> list[int]:
        """As a wallet does it: a bank that is asked by too many of one address at once says so,
        and is asked again. That a wallet has more watches than it may would never end.
        """
        while True:
            try:
                return await self._told(index, channel)
            except grpc.aio.AioRpcError as error:
                if (
                    error.details()
                    != f"you have {ONE_SOURCE['calls_per_source']} calls here already"
                ):
                    raise
            await asyncio.sleep(0.1)

    async def _told(self, index: int, channel: grpc.aio.Channel) -> list[int]:
        query = self._wallets[index % WALLETS].query(WATCH_PAYMENTS)
        call = channel.unary_stream(
            WATCH,
            payments_pb2.WatchPaymentsRequest.SerializeToString,
            payments_pb2.WatchPaymentsResponse.FromString,
        )(payments_pb2.WatchPaymentsRequest(query=query, after_position=self._after))
        told: list[int] = []
        async for message in call:
            told.append(message.payment.amount_fen)
            self.all_told.release()
            if len(told) == 2:
                call.cancel()
                return told
        raise AssertionError("the stream ended")


def pay_all(payer: RawWallet, wallets: list[RawWallet], fen: int) -> None:
    """A payment to each, in one call."""
    orders = [payer.payment(wallet.number, fen) for wallet in wallets]
    answer = payer.stubs.payments.PayMany(
        payments_pb2.PayManyRequest(orders=orders), timeout=TIMEOUT_S
    )
    assert {item.state for item in answer.items} == {states_pb2.PAYMENT_STATE_SETTLED}


def test_hundreds_of_watchers_are_all_told_and_cost_no_thread_and_little_memory(
    systems: MakeSystem,
) -> None:
    system = systems()
    stubs = BankStubs(system.plan, "alpha")
    wallets = [RawWallet(stubs) for _ in range(WALLETS)]
    payer = RawWallet(stubs)
    payer.top_up(1_000_000)
    bank, edge = system.stack.running["alpha"].pid, edge_of(system, "alpha")
    with BankOfficerClient(system.plan, "alpha") as office:
        position = office.books().journal_position
    before = {pid: (threads_of(pid), memory_kb(pid)) for pid in (bank, edge)}

    async def play() -> list[list[int]]:
        watchers = Watchers(system, wallets, position)
        listening = asyncio.create_task(watchers.listen())
        await asyncio.to_thread(pay_all, payer, wallets, 9)
        all_told = asyncio.create_task(watchers.wait_all_told())
        await asyncio.wait({listening, all_told}, return_when=asyncio.FIRST_COMPLETED)
        if listening.done():  # a stream ended too early: its error says why
            all_told.cancel()
            return await listening
        # Now all are open at once.
        assert threads_of(bank) <= before[bank][0] + MAX_WORKERS, "those that serve calls, no more"
        assert threads_of(edge) <= before[edge][0] + 4
        for pid in (bank, edge):
            assert memory_kb(pid) <= before[pid][1] + MOST_KB_EACH * WATCHERS
        await asyncio.to_thread(pay_all, payer, wallets, 10)
        return await listening

    assert asyncio.run(play()) == [[9, 10]] * WATCHERS
    assert payer.pay(wallets[0].number, 1).state == states_pb2.PAYMENT_STATE_SETTLED
