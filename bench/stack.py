"""Runs a whole stack with funded wallets, and puts load on it."""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from bench.harness import cpu_s
from console.clients import issue
from currency import parties
from dcep.bank.v1 import orders_pb2, payments_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from deployment.topology import StackPlan
from runtime.channel import served_by
from runtime.envelope import sign
from runtime.limits import MESSAGE_OPTIONS
from runtime.tls import channel_credentials
from sandbox.replay.grpc_peer import GrpcBankPeer
from sandbox.replay.run import wait_for_vault
from sandbox.replay.wallets import ReplayWallet, fund, open_wallets
from sandbox.stack.supervisor import Stack, init

FUNDS_FEN = 1_000_000
TIMEOUT_S = 100.0
_ON_THE_WAY = 192
HEALTH = "/grpc.health.v1.Health/Check"
PAY = "/dcep.bank.v1.PaymentService/Pay"
PAY_MANY = "/dcep.bank.v1.PaymentService/PayMany"
GET_WALLET = "/dcep.bank.v1.WalletService/GetWallet"


@dataclass(frozen=True)
class System:
    """A stack, its banks and their wallets; wallet i is at bank i mod 2."""

    plan: StackPlan
    peers: Sequence[GrpcBankPeer]
    wallets: Sequence[ReplayWallet]

    def at(self, bank: int) -> list[ReplayWallet]:
        """A bank's wallets."""
        return [wallet for wallet in self.wallets if wallet.bank == bank]

    def channel(self, bank: int) -> grpc.Channel:
        """A wallet's channel to a bank, plain gRPC without our own wrapper."""
        found = self.plan.banks[bank]
        return grpc.secure_channel(
            found.public_address,
            channel_credentials(self.plan.root_certificate),
            [
                *MESSAGE_OPTIONS,
                *served_by(parties.bank(found.name)),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )

    def cpu_s(self, bank: int) -> float:
        """Seconds of processor time that a bank and its edge have used."""
        pid = self.plan.pids[self.plan.banks[bank].name]
        edges = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(cpu_s(one) for one in (pid, *map(int, edges)))

    def database(self, bank: int) -> str:
        """The URL of a bank's database."""
        return self.plan.database_url(self.plan.banks[bank].name)


@contextmanager
def system(folder: Path, wallets: int) -> Iterator[System]:
    """Runs alpha and beta with so many funded wallets at each, and stops all of it afterwards."""
    stack = Stack(init(folder / "stack"))
    try:
        stack.up()
        plan = stack.plan
        peers = [GrpcBankPeer(plan, bank.name) for bank in plan.banks]
        try:
            names = [f"party {i}" for i in range(wallets * len(peers))]
            found: dict[int, ReplayWallet] = {}
            for opened in open_wallets(peers, names, now_ms, 4_000):
                found.update(opened)
            made = [found[i] for i in range(len(names))]
            for peer in peers:
                issue(plan, peer.name, wallets * FUNDS_FEN)
                wait_for_vault(peer, wallets * FUNDS_FEN)
            for _, refused in fund(peers, made, [FUNDS_FEN] * len(made), now_ms(), 4_000):
                if refused:
                    raise AssertionError(f"wallets could not be funded: {refused}")
            yield System(plan, peers, made)
        finally:
            for peer in peers:
                peer.close()
    finally:
        stack.down()


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class Orders:
    """Signs payments of 1 fen from some wallets, in turn, to random ones among others."""

    def __init__(
        self, payers: Sequence[ReplayWallet], payees: Sequence[ReplayWallet], seed: int = 1
    ) -> None:
        self._payers = payers
        self._payees = payees
        self._random = np.random.default_rng(seed)
        self._turn = 0

    def take(self, count: int) -> list[SignedEnvelope]:
        """The next `count` orders, signed."""
        chosen = self._random.integers(0, len(self._payees), count).tolist()
        time_ms = now_ms()
        orders = []
        for index in chosen:
            payer = self._payers[self._turn % len(self._payers)]
            self._turn += 1
            payee = self._payees[index]
            if payee is payer:
                payee = self._payees[(index + 1) % len(self._payees)]
            orders.append(payer.payment(payee.number, 1, time_ms))
        return orders


def lanes(town_: System, payees: Sequence[ReplayWallet], count: int) -> list[Orders]:
    """Splits alpha's wallets into `count` lanes, so that concurrent calls never share a payer."""
    payers = town_.at(0)
    return [Orders(payers[i::count], payees, seed=i + 1) for i in range(count)]


def bulk_requests(lane: Orders, calls: int, size: int) -> list[bytes]:
    """`calls` serialized PayMany requests of `size` orders each."""
    return [
        payments_pb2.PayManyRequest(orders=lane.take(size)).SerializeToString()
        for _ in range(calls)
    ]


def send_bulk(channel: grpc.Channel, requests: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Sends each lane's requests in order, all lanes at once; returns all answers."""
    call = channel.unary_unary(PAY_MANY)

    def lane(mine: Sequence[bytes]) -> list[bytes]:
        return [call(request, timeout=TIMEOUT_S) for request in mine]

    with ThreadPoolExecutor(len(requests)) as pool:
        return [answer for answers in pool.map(lane, requests) for answer in answers]


def check_bulk(answers: Sequence[bytes], count: int, *states: int) -> None:
    """Raises AssertionError unless there are `count` answers, all with one of the states."""
    seen: dict[tuple[int, int], int] = {}
    for answer in answers:
        for item in payments_pb2.PayManyResponse.FromString(answer).items:
            key = (item.state, item.reason)
            seen[key] = seen.get(key, 0) + 1
    good = sum(number for (state, _), number in seen.items() if state in states)
    if good != count or sum(seen.values()) != count:
        raise AssertionError(f"of {count} payments (state, reason) came to {seen}")


def flood(
    channel: grpc.Channel, method: str, requests: Sequence[bytes], in_flight: int
) -> list[bytes]:
    """Makes unary calls with a fixed number in flight; returns the answers in order."""
    call = channel.unary_unary(method)
    waiting: deque[Any] = deque()
    answers = []
    for request in requests:
        if len(waiting) == in_flight:
            answers.append(waiting.popleft().result())
        waiting.append(call.future(request, timeout=TIMEOUT_S))
    return answers + [one.result() for one in waiting]


def paced(
    channel: grpc.Channel, method: str, requests: Sequence[bytes], per_s: float
) -> list[float]:
    """Makes unary calls at a fixed rate.

    When too many are in flight the next one waits, and its time runs.

    Returns:
        The seconds of each, from when it was due to its answer, in order of the answers.
    """
    call = channel.unary_unary(method)
    found: list[float] = []
    done = threading.Semaphore(0)
    room = threading.Semaphore(_ON_THE_WAY)
    started = time.perf_counter() + 0.05

    def ended(due: float) -> Callable[[object], None]:
        def note(_: object) -> None:
            found.append(time.perf_counter() - due)
            room.release()
            done.release()

        return note

    running = []
    with _uncollected():
        for index, request in enumerate(requests):
            due = started + index / per_s
            pause = due - time.perf_counter()
            if pause > 0:
                time.sleep(pause)
            room.acquire()
            future = call.future(request, timeout=TIMEOUT_S)
            future.add_done_callback(ended(due))
            running.append(future)
        for _ in requests:
            done.acquire()
    for future in running:
        future.result()
    return found


@contextmanager
def _uncollected() -> Iterator[None]:
    """Turns garbage collection off: in this process it would stop all wallets at once."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def balance_fen(channel: grpc.Channel, bank: str, wallet: ReplayWallet) -> int:
    """What is available in a wallet, as its holder sees it."""
    time_ms = now_ms()
    query = orders_pb2.Query(
        wallet_number=wallet.number,
        created_time_ms=time_ms,
        expires_time_ms=time_ms + 60_000,
        method=GET_WALLET.removeprefix("/"),
        bank=bank,
    )
    signed = sign(query, wallet.key, wallet.number.encode())
    request = wallets_pb2.GetWalletRequest(query=signed).SerializeToString()
    answer = channel.unary_unary(GET_WALLET)(request, timeout=TIMEOUT_S)
    return int(wallets_pb2.GetWalletResponse.FromString(answer).available_fen)
