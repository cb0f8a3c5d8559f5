"""Measures what a bank still does when more is asked of it than it can do, and how fast it refuses.

Processes of their own keep so many payments in flight: as many as a bank takes at once, and two,
five and ten times as many. A lane is one wallet that pays again and again; where it is refused, it
sends the same order again after the pause that it was told. Meanwhile health checks and an
officer's questions are timed. All of it shares the machine's cores, the load too.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.pool import Pool
from pathlib import Path

import grpc
import uvloop
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status

from bench.harness import Measurement, Scale, compare, durability, percentiles, scratch
from bench.stack import HEALTH, PAY, PAY_MANY, Orders, System, lanes, system
from console.clients import BankOfficerClient
from currency import parties
from dcep.bank.v1 import payments_pb2, states_pb2
from runtime.channel import served_by
from runtime.database import open_engine
from runtime.limits import MESSAGE_OPTIONS
from runtime.tls import channel_credentials

_TIMES = (1, 2, 5, 10)
_LOADS = 2
"""Processes that send."""

_LANES_A_CHANNEL = 200
_DEADLINE_S = 5.0
_PROBE_S = 0.1
_BEGIN_S = 1.5
_MOST_PER_S = 4_000
"""So many payments are signed beforehand for each second."""


@dataclass(frozen=True)
class Shape:
    """A kind of call, and how many of them a bank has in flight at its peak."""

    name: str
    method: str
    in_flight: int
    size: int


_SHAPES = (Shape("overload", PAY, 192, 1), Shape("overload-bulk", PAY_MANY, 12, 200))


@dataclass
class Tally:
    """What came of the calls of one process."""

    paid: int = 0
    not_settled: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    untyped: int = 0
    """Refusals that do not say when to ask again."""
    refusals_s: list[float] = field(default_factory=list)
    answers_s: list[float] = field(default_factory=list)


def run(scale: Scale) -> list[Measurement]:
    """Measures single payments and bulk calls, one result for each."""
    with (
        scratch() as folder,
        system(folder, scale.pick(5_000, 2_000, 200)) as place,
        multiprocessing.get_context("spawn").Pool(_LOADS) as loads,
    ):
        engine = open_engine(place.database(0))
        try:
            facts = durability(engine, folder)
        finally:
            engine.dispose()
        return [_measured(scale, place, shape, facts, loads) for shape in _SHAPES]


def _measured(
    scale: Scale, place: System, shape: Shape, facts: dict[str, object], loads: Pool
) -> Measurement:
    seconds = scale.pick(8, 3, 1)
    shape = replace(shape, size=min(shape.size, scale.pick(shape.size, shape.size, 10)))
    goodput: dict[int, list[float]] = {times: [] for times in _TIMES}
    details: dict[str, object] = {}
    # What TINY measures means nothing, so it neither warms up nor takes the steps between.
    tiny = scale is Scale.TINY
    warm_ups = 0 if tiny else scale.warm_ups
    for number in range(warm_ups + scale.samples):
        for times in (_TIMES[0], _TIMES[-1]) if tiny else _TIMES:
            in_flight = min(shape.in_flight * times, len(place.at(0)))
            found, asked = _under_load(place, shape, in_flight, seconds, loads)
            if number >= warm_ups:
                goodput[times].append(found.paid / seconds)
                details[f"at_{times}_times"] = _described(found, asked)
    most = _TIMES[-1]
    return Measurement(
        name=shape.name,
        samples=goodput[most],
        batch=shape.size,
        accounts=len(place.at(0)),
        durability=facts,
        includes=f"payments settled at {most} times the calls in flight of a bank's peak, each "
        "answered within its deadline; the load runs on the same cores",
        excludes="making and signing the orders; callers on other machines",
        scale=scale,
        ratio_to=compare("the-peak", goodput[most], goodput[1]),
        also=[compare(f"at-{n}-times", goodput[most], goodput[n]) for n in (2, 5) if goodput[n]],
        details=details,
    )


def _described(found: Tally, asked: dict[str, list[float]]) -> dict[str, object]:
    return {
        "paid": found.paid,
        "not_settled": found.not_settled,
        "codes": dict(found.codes),
        "refusals_without_a_pause": found.untyped,
        **({"refusals": percentiles(found.refusals_s)} if found.refusals_s else {}),
        **({"answers": percentiles(found.answers_s)} if found.answers_s else {}),
        **{what: percentiles(values) for what, values in asked.items() if values},
    }


def _under_load(
    place: System, shape: Shape, in_flight: int, seconds: float, loads: Pool
) -> tuple[Tally, dict[str, list[float]]]:
    """Keeps so many calls in flight for some seconds; also times what must not wait."""
    each = int(_MOST_PER_S * seconds) // (in_flight * shape.size) + 3
    requests = [_signed(lane, shape, each) for lane in lanes(place, place.at(0), in_flight)]
    bank = place.plan.banks[0]
    told = (bank.public_address, place.plan.root_certificate, parties.bank(bank.name))
    begins_at = time.monotonic() + _BEGIN_S
    running = [
        loads.apply_async(_load, (*told, shape, requests[i::_LOADS], begins_at, seconds))
        for i in range(_LOADS)
    ]
    over = threading.Event()
    asked: dict[str, list[float]] = {"health": [], "officers": []}
    probes = [
        threading.Thread(target=_ask_health, args=(place, asked["health"], over)),
        threading.Thread(target=_ask_as_officer, args=(place, asked["officers"], over)),
    ]
    time.sleep(max(0.0, begins_at - time.monotonic()))
    for probe in probes:
        probe.start()
    whole = Tally()
    try:
        for one in running:
            _add(whole, one.get(seconds + 60))
    finally:
        over.set()
        for probe in probes:
            probe.join()
    return whole, asked


def _signed(lane: Orders, shape: Shape, count: int) -> list[bytes]:
    if shape.method == PAY:
        return [
            payments_pb2.PayRequest(order=order).SerializeToString() for order in lane.take(count)
        ]
    return [
        payments_pb2.PayManyRequest(orders=lane.take(shape.size)).SerializeToString()
        for _ in range(count)
    ]


def _ask_health(place: System, found: list[float], over: threading.Event) -> None:
    with place.channel(0) as channel:
        ask = channel.unary_unary(HEALTH)
        request = health_pb2.HealthCheckRequest().SerializeToString()
        serving = health_pb2.HealthCheckResponse.SERVING
        while not over.wait(_PROBE_S):
            started = time.monotonic()
            answer = health_pb2.HealthCheckResponse.FromString(ask(request, timeout=30))
            if answer.status != serving:
                raise AssertionError("the bank says that it is not ready")
            found.append(time.monotonic() - started)


def _ask_as_officer(place: System, found: list[float], over: threading.Event) -> None:
    with BankOfficerClient(place.plan, place.plan.banks[0].name) as office:
        while not over.wait(_PROBE_S):
            started = time.monotonic()
            office.feed()
            found.append(time.monotonic() - started)


def _add(whole: Tally, part: Tally) -> None:
    whole.paid += part.paid
    whole.not_settled += part.not_settled
    whole.codes.update(part.codes)
    whole.untyped += part.untyped
    whole.refusals_s += part.refusals_s
    whole.answers_s += part.answers_s


def _load(
    address: str,
    root: Path,
    role: str,
    shape: Shape,
    requests: Sequence[Sequence[bytes]],
    begins_at: float,
    seconds: float,
) -> Tally:
    """Runs in a process of its own."""
    return uvloop.run(_send(address, root, role, shape, requests, begins_at, begins_at + seconds))


async def _send(
    address: str,
    root: Path,
    role: str,
    shape: Shape,
    requests: Sequence[Sequence[bytes]],
    begins_at: float,
    ends_at: float,
) -> Tally:
    tally = Tally()
    credentials = channel_credentials(root)
    options = [*MESSAGE_OPTIONS, *served_by(role), ("grpc.use_local_subchannel_pool", 1)]
    channels = [
        grpc.aio.secure_channel(address, credentials, options)
        for _ in range(0, len(requests), _LANES_A_CHANNEL)
    ]
    for channel in channels:
        await channel.channel_ready()
    await asyncio.sleep(max(0.0, begins_at - time.monotonic()))
    calls = [channel.unary_unary(shape.method) for channel in channels]
    running = [
        asyncio.create_task(_lane(calls[i // _LANES_A_CHANNEL], mine, tally, ends_at, shape))
        for i, mine in enumerate(requests)
    ]
    await asyncio.gather(*running)
    for channel in channels:
        await channel.close()
    return tally


async def _lane(
    call: grpc.aio.UnaryUnaryMultiCallable,
    requests: Sequence[bytes],
    tally: Tally,
    ends_at: float,
    shape: Shape,
) -> None:
    """Sends its calls in turn; one that is refused again, after the pause that it was told."""
    for request in requests:
        while True:
            started = time.monotonic()
            if started >= ends_at:
                return
            try:
                answer = await call(request, timeout=_DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                tally.codes[error.code().name] += 1
                pause_s = _pause_s(error)
                if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                    tally.refusals_s.append(time.monotonic() - started)
                    tally.untyped += pause_s is None
                await asyncio.sleep(pause_s or 0.1)
                continue
            now = time.monotonic()
            tally.answers_s.append(now - started)
            if now < ends_at:
                _count(answer, tally, shape)
            break


def _count(answer: bytes, tally: Tally, shape: Shape) -> None:
    tally.codes["OK"] += 1
    items = (
        [payments_pb2.PayResponse.FromString(answer)]
        if shape.method == PAY
        else payments_pb2.PayManyResponse.FromString(answer).items
    )
    settled = sum(item.state == states_pb2.PAYMENT_STATE_SETTLED for item in items)
    tally.paid += settled
    tally.not_settled += len(items) - settled


def _pause_s(error: grpc.aio.AioRpcError) -> float | None:
    """The pause of a refusal's RetryInfo, in seconds; None if it has none."""
    status = rpc_status.from_call(error)
    retry = error_details_pb2.RetryInfo()
    for detail in status.details if status is not None else ():
        if detail.Unpack(retry):
            return float(retry.retry_delay.ToTimedelta().total_seconds())
    return None
