"""Measures wallets' signed payments through a real bank's process, in bulk and one by one."""

from __future__ import annotations

import os
from statistics import median

import grpc

from bench.harness import (
    Measurement,
    Scale,
    compare,
    durability,
    percentiles,
    rate,
    rounds,
    scratch,
)
from bench.stack import (
    HEALTH,
    PAY,
    Orders,
    System,
    bulk_requests,
    check_bulk,
    flood,
    lanes,
    paced,
    send_bulk,
    system,
)
from dcep.bank.v1 import orders_pb2, payments_pb2, states_pb2
from runtime.database import open_engine
from runtime.envelope import signed_bytes
from runtime.signatures import SignatureVerifier

_LANES = 2
_IN_FLIGHT = 192
_HALF = 0.5
_SHARES = (0.1, 0.25, _HALF, 0.75, 0.9)
"""Shares of the rate that the same bank reached when calls came as fast as it answered."""

_ASKED = 0.8
"""The share of an empty call's rate that payments are to reach."""

_PACED_S = 8
_EXCLUDES = "making and signing the orders, serializing the requests, parsing the answers"


def run(scale: Scale) -> list[Measurement]:
    """Measures PayMany and Pay, one result for each."""
    with scratch() as folder, system(folder, scale.pick(5_000, 500, 20)) as place:
        engine = open_engine(place.database(0))
        facts = durability(engine, folder)
        channel = place.channel(0)
        try:
            return [_bulk(scale, place, channel, facts), _unary(scale, place, channel, facts)]
        finally:
            channel.close()
            engine.dispose()


def _bulk(
    scale: Scale, place: System, channel: grpc.Channel, facts: dict[str, object]
) -> Measurement:
    size = scale.pick(8_190, 4_000, 50)
    calls = scale.pick(4, 1, 1)
    count = size * calls * _LANES
    payers = lanes(place, place.at(0), _LANES)
    cores = os.cpu_count() or 1
    keys = {wallet.number.encode(): bytes(wallet.key.verify_key) for wallet in place.at(0)}

    costs: list[float] = []

    def bulk() -> float:
        requests = [bulk_requests(lane, calls, size) for lane in payers]
        answers: list[bytes] = []
        used = place.cpu_s(0)
        per_s = rate(count, lambda: answers.extend(send_bulk(channel, requests)))
        costs.append((place.cpu_s(0) - used) / count * 1e6)
        check_bulk(answers, count, states_pb2.PAYMENT_STATE_SETTLED)
        return per_s

    checks = [
        (keys[order.key_id], signed_bytes(orders_pb2.PaymentOrder, order.payload), order.signature)
        for order in payers[0].take(scale.pick(16_000, 4_000, 100))
    ]

    verifier = SignatureVerifier(cores)

    def verify() -> float:
        return rate(len(checks), lambda: verifier.verify(checks))

    bulks, bares = rounds(scale, bulk, verify)
    return Measurement(
        name="signed",
        samples=bulks,
        batch=size,
        accounts=len(place.at(0)),
        durability=facts,
        includes=f"PayMany over TLS, {_LANES} calls at once, client, edge and bank on the same "
        "cores: parsing, Ed25519 verification, checks, rule, commit, an answer per payment; the "
        "bank's projection runs beside it",
        excludes=_EXCLUDES,
        scale=scale,
        ratio_to=compare(f"bare-libsodium-verification-on-{cores}-cores", bulks, bares),
        details={"payments_a_sample": count, "bank_cpu_us_a_payment": round(median(costs), 1)},
    )


def _unary(
    scale: Scale, place: System, channel: grpc.Channel, facts: dict[str, object]
) -> Measurement:
    count = scale.pick(5_000, 500, 30)
    # Each lane of bulk calls had half of alpha's wallets; here all take turns.
    payers = Orders(place.at(0), place.at(0), seed=9)

    def requests(number: int) -> list[bytes]:
        orders = payers.take(number)
        return [payments_pb2.PayRequest(order=order).SerializeToString() for order in orders]

    costs: list[float] = []

    def unary() -> float:
        asked = requests(count)
        answers: list[bytes] = []
        used = place.cpu_s(0)
        per_s = rate(count, lambda: answers.extend(flood(channel, PAY, asked, _IN_FLIGHT)))
        costs.append((place.cpu_s(0) - used) / count * 1e6)
        states = {payments_pb2.PayResponse.FromString(answer).state for answer in answers}
        assert states == {states_pb2.PAYMENT_STATE_SETTLED}, states
        return per_s

    def empty() -> float:
        return rate(count, lambda: flood(channel, HEALTH, [b""] * count, _IN_FLIGHT))

    unaries, empties = rounds(scale, unary, empty)
    ratio = compare("empty-unary-call", unaries, empties)

    def latency(per_s: float) -> dict[str, float]:
        asked = requests(scale.pick(int(per_s * _PACED_S), 500, 30))
        return {
            "per_s": round(per_s, 1),
            **percentiles(paced(channel, PAY, asked, per_s)),
        }

    shares = _SHARES if scale is Scale.FULL else (_HALF,)
    loads = [{"share": share, **latency(median(unaries) * share)} for share in shares]
    half_of_asked = latency(ratio.per_s * _ASKED * _HALF)
    return Measurement(
        name="signed-unary",
        samples=unaries,
        batch=1,
        accounts=len(place.at(0)),
        durability=facts,
        includes=f"Pay over TLS, {_IN_FLIGHT} calls in flight from one client process, client, "
        "edge and bank on the same cores: parsing, verification, checks, rule, commit, answer",
        excludes=_EXCLUDES,
        scale=scale,
        ratio_to=ratio,
        details={
            "payments_a_sample": count,
            "bank_cpu_us_a_payment": round(median(costs), 1),
            "at_half_load": next(load for load in loads if load["share"] == _HALF),
            "at_half_of_80_percent_of_empty_calls": half_of_asked,
            "latency_over_load": loads,
        },
    )
