"""Measures signed payments from alpha to beta, through the central bank, to the payees' wallets."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from bench.harness import Measurement, Scale, compare, durability, rate, rounds, scratch
from bench.stack import (
    PAY,
    TIMEOUT_S,
    Orders,
    System,
    balance_fen,
    bulk_requests,
    check_bulk,
    lanes,
    send_bulk,
    system,
)
from dcep.bank.v1 import payments_pb2, states_pb2
from runtime.database import open_engine

_LANES = 2
_POLL_S = 0.01


@dataclass(frozen=True)
class _Senders:
    """Wallets of alpha that pay, in bulk and at once.

    Attributes:
        size, calls: payments in a call, and calls of each lane in a sample.
        outwards, inwards: lanes to payees at beta, and at alpha.
    """

    place: System
    alpha: grpc.Channel
    size: int
    calls: int
    outwards: Sequence[Orders]
    inwards: Sequence[Orders]

    @property
    def count(self) -> int:
        """Payments in a sample."""
        return self.size * self.calls * _LANES

    def cross(self) -> float:
        """Payments a second to beta, until its wallets have them."""
        requests = [bulk_requests(lane, self.calls, self.size) for lane in self.outwards]
        before = self.place.peers[1].books().wallets_fen

        def until_seen() -> None:
            answers = send_bulk(self.alpha, requests)
            _wait_for(self.place, before + self.count)
            check_bulk(
                answers,
                self.count,
                states_pb2.PAYMENT_STATE_PENDING,
                states_pb2.PAYMENT_STATE_SETTLED,
            )

        per_s = rate(self.count, until_seen)
        _wait_until_quiet(self.place)
        return per_s

    def within(self) -> float:
        """Payments a second within alpha, until they are answered."""
        requests = [bulk_requests(lane, self.calls, self.size) for lane in self.inwards]
        answers: list[bytes] = []
        per_s = rate(self.count, lambda: answers.extend(send_bulk(self.alpha, requests)))
        check_bulk(answers, self.count, states_pb2.PAYMENT_STATE_SETTLED)
        return per_s


def run(scale: Scale) -> list[Measurement]:
    """Measures payments across banks, compared with payments within alpha."""
    size, calls = scale.pick(4_000, 1_000, 30), scale.pick(8, 1, 1)
    with scratch() as folder, system(folder, scale.pick(2_000, 500, 20)) as place:
        engine = open_engine(place.database(0))
        facts = durability(engine, folder)
        engine.dispose()
        with place.channel(0) as alpha, place.channel(1) as beta:
            outwards, inwards = (lanes(place, place.at(bank), _LANES) for bank in (1, 0))
            senders = _Senders(place, alpha, size, calls, outwards, inwards)
            crosses, withins = rounds(scale, senders.cross, senders.within)
            answered, seen = _one_by_one(scale, place, alpha, beta)
    return [
        Measurement(
            name="cross",
            samples=crosses,
            batch=size,
            accounts=len(place.wallets),
            durability=facts,
            includes=f"PayMany over TLS at alpha, {_LANES} calls at once; verification, hold, "
            "signed submission to the central bank, its settlement, the feeds to both banks, the "
            "capture at alpha, the delivery at beta; the clock stops when beta's wallets have it "
            "all; four processes on the same cores",
            excludes="making and signing the orders",
            scale=scale,
            ratio_to=compare("signed-within-alpha", crosses, withins),
            details={
                "payments_a_sample": senders.count,
                "one_at_a_time": {
                    "answered_p50_ms": round(statistics.median(answered) * 1e3, 2),
                    "seen_by_payee_p50_ms": round(statistics.median(seen) * 1e3, 2),
                    "payments": len(answered),
                },
            },
        )
    ]


def _one_by_one(
    scale: Scale, place: System, alpha: grpc.Channel, beta: grpc.Channel
) -> tuple[Sequence[float], Sequence[float]]:
    """Seconds of single payments until the payer's answer, and until the payee's balance has it."""
    payee = place.at(1)[0]
    lane = Orders(place.at(0), [payee])
    call = alpha.unary_unary(PAY)
    answered, seen = [], []
    before = balance_fen(beta, "beta", payee)
    for order in lane.take(scale.pick(100, 20, 3)):
        request = payments_pb2.PayRequest(order=order).SerializeToString()
        started = time.perf_counter()
        answer = payments_pb2.PayResponse.FromString(call(request, timeout=20.0))
        answered.append(time.perf_counter() - started)
        assert answer.state == states_pb2.PAYMENT_STATE_SETTLED, answer
        before += 1
        while balance_fen(beta, "beta", payee) < before:
            pass
        seen.append(time.perf_counter() - started)
    return answered, seen


def _wait_for(place: System, wallets_fen: int) -> None:
    """Waits until beta's wallets hold so much by its books; each payment is of 1 fen."""
    ends_at = time.monotonic() + TIMEOUT_S
    while (held := place.peers[1].books().wallets_fen) < wallets_fen:
        if time.monotonic() > ends_at:
            raise AssertionError(f"{wallets_fen - held} payments did not arrive")
        time.sleep(_POLL_S)


def _wait_until_quiet(place: System) -> None:
    ends_at = time.monotonic() + TIMEOUT_S
    while place.peers[0].books().pending_outbound:
        if time.monotonic() > ends_at:
            raise AssertionError("alpha still has payments on their way")
        time.sleep(_POLL_S)
