"""What a caller gets is bounded by caller: calls, streams, threads, bytes, and time to send."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

import runtime.calls
import runtime.inspection
import runtime.server
from dcep.errors.v1 import errors_pb2
from runtime.calls import Call
from runtime.channel import served_by
from runtime.errors import NoAnswer, Refusal, from_rpc_error
from runtime.limits import CALLS_EACH, CONNECTIONS_EACH, MAX_INSPECTED, READING_EACH, STREAMS_EACH
from runtime.shares import FairThreads, Shares
from runtime.tls import Identity
from tests.runtime.served import NAME, SERVER, Serve, Served, ask, stream, unary

ONE = Int32Value(value=1)
LATER = 1_000_000


def reason_of(call: Any) -> str:
    """The name of a failed call's reason, or its status code."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    found = from_rpc_error(caught.value)
    return found.name if isinstance(found, Refusal) else str(found)


def as_(served: Served, role: str) -> grpc.Channel:
    """A channel of its own connection, with errors as gRPC has them."""
    options = [("grpc.use_local_subchannel_pool", 1), *served_by(SERVER)]
    credentials = served.root.credentials(f"dcep://{role}")
    served.channels.append(grpc.secure_channel(served.address, credentials, options))
    return served.channels[-1]


class Silence:
    """Requests that never come."""

    def __init__(self) -> None:
        self._over = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        self._over.wait(60)
        yield from ()

    def end(self) -> None:
        self._over.set()


@pytest.fixture
def silence() -> Iterator[Silence]:
    made = Silence()
    yield made
    made.end()


class Hall:
    """A handler that is entered and not left until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, request: Int32Value, context: Any) -> Int32Value:
        if request.value == LATER:
            self.entered.release()
            self.open.wait(30)
        return request


@pytest.fixture
def hall() -> Iterator[Hall]:
    made = Hall()
    yield made
    made.open.set()


def hang(channel: grpc.Channel, hall: Hall, count: int) -> list[Any]:
    """So many calls that hang; those that are running have been entered."""
    return [unary(channel).future(Int32Value(value=LATER), timeout=60) for _ in range(count)]


def test_calls_without_a_message_hold_no_thread_and_end_with_a_reason(
    serve: Serve, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve()
    monkeypatch.setattr(runtime.calls, "MESSAGE_WITHIN_S", 3.0)
    bank, other = as_(served, "bank/alpha"), served.ours(served.root.credentials("dcep://bank/b"))
    ask(other)
    silent = [
        bank.stream_unary(f"/{NAME}/Ask").future(iter(silence), timeout=60)
        for _ in range(CALLS_EACH)
    ]
    own = bank.unary_unary(f"/{NAME}/Ask")
    while True:  # until all the silent ones have arrived
        try:
            own(b"", timeout=5)
        except grpc.RpcError as error:
            full = from_rpc_error(error)
            break
    assert isinstance(full, Refusal) and full.name == "OVERLOADED"
    assert ask(other, 7) == 7
    for call in silent:
        assert reason_of(call.result) == "MESSAGE_UNREADABLE"
    own(b"", timeout=5)


def test_a_call_that_ends_without_a_message_is_refused_with_a_reason(serve: Serve) -> None:
    channel = as_(serve(), "bank/alpha")
    for method in ("Ask", "Follow"):
        call = channel.stream_unary(f"/{NAME}/{method}")
        assert reason_of(lambda call=call: call(iter(()), timeout=5)) == "MESSAGE_UNREADABLE"


def test_one_caller_whose_calls_hang_leaves_threads_for_the_others(
    serve: Serve, hall: Hall
) -> None:
    served = serve(hall)
    other = served.ours(served.root.credentials("dcep://bank/beta"))
    running = hang(as_(served, "bank/alpha"), hall, CALLS_EACH)
    assert hall.entered.acquire(timeout=10)
    for value in range(20):
        assert ask(other, value) == value
    hall.open.set()
    assert {call.result().value for call in running} == {LATER}


def test_a_caller_beyond_its_share_is_told_when_to_ask_again(serve: Serve, hall: Hall) -> None:
    served = serve(hall)
    bank = as_(served, "bank/alpha")
    late = refused_of(hang(bank, hall, CALLS_EACH + 5), 5)[0]
    with pytest.raises(grpc.RpcError) as caught:
        late.result()
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    refusal = from_rpc_error(caught.value)
    assert isinstance(refusal, Refusal) and refusal.reason == errors_pb2.REASON_OVERLOADED
    status = rpc_status.from_call(caught.value)
    assert status is not None
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in status.details)
    assert retry.retry_delay.ToMilliseconds() == int(refusal.metadata["retry_after_ms"]) > 0


def test_a_caller_has_one_share_however_many_connections_and_certificates_it_has(
    serve: Serve, hall: Hall
) -> None:
    served = serve(hall)
    channels = [as_(served, "bank/alpha") for _ in range(CONNECTIONS_EACH // 2)]
    running = [
        hang(channels[number % len(channels)], hall, 1)[0] for number in range(CALLS_EACH + 5)
    ]
    for late in refused_of(running, 5):
        assert reason_of(late.result) == "OVERLOADED"


def test_calls_that_are_long_take_no_thread_and_a_callers_are_few(serve: Serve) -> None:
    """An asynchronous handler: its caller's other calls, one thread's, go on beside it."""
    opened = asyncio.Event()

    async def wait(request: Int32Value, call: Call) -> Int32Value:
        if request.value == LATER:
            await opened.wait()
            return Int32Value(value=await call.in_thread(lambda: 5))
        if request.value == 0:
            opened.set()
        return request

    def follow(request: Int32Value, context: Any) -> Iterator[Int32Value]:
        yield request  # on a thread

    served = serve(wait, follow)
    channel = as_(served, "bank/alpha")
    running = [unary(channel).future(Int32Value(value=LATER), timeout=60) for _ in range(9)]
    for late in refused_of(running, 9 - STREAMS_EACH):
        assert reason_of(late.result) == "OVERLOADED"
    waiting = [call for call in running if not call.done()]
    other = as_(served, "bank/beta")
    assert [one.value for one in stream(other)(ONE, timeout=10)] == [1]
    assert unary(other)(Int32Value(value=0), timeout=10).value == 0
    assert [call.result().value for call in waiting] == [5] * STREAMS_EACH


def refused_of(calls: list[Any], count: int) -> list[Any]:
    """The calls that ended, while all others go on; waits until they are so many."""
    ends_at = time.monotonic() + 20
    while sum(call.done() for call in calls) < count:
        assert time.monotonic() < ends_at
        time.sleep(0.02)
    ended = [call for call in calls if call.done()]
    assert len(ended) == count
    return ended


def answered(call: Callable[..., Any]) -> str:
    """What a call of 1 comes to."""
    try:
        return str(call(ONE, timeout=5).value)
    except grpc.RpcError as error:
        found = from_rpc_error(error)
        return found.name if isinstance(found, Refusal) else str(found)


def test_officers_get_through_when_banks_fill_everything(
    serve: Serve, hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.server, "MAX_CONCURRENT_CALLS", 12)
    served = serve(hall)
    banks = [as_(served, f"bank/b{index}") for index in range(12)]
    running = [hang(bank, hall, 1)[0] for bank in banks]
    late = refused_of([hang(as_(served, f"bank/c{i}"), hall, 1)[0] for i in range(3)] + running, 3)
    assert {reason_of(call.result) for call in late} == {"OVERLOADED"}
    officer = served.ours(served.root.credentials("dcep://officer/centre/lin"))
    assert ask(officer, 5) == 5
    assert health_pb2_grpc.HealthStub(officer).Check(health_pb2.HealthCheckRequest(), timeout=5)
    hall.open.set()
    assert {call.result().value for call in running if call not in late} == {LATER}


def test_who_gives_up_frees_no_thread_that_still_works_for_it(serve: Serve, hall: Hall) -> None:
    """A caller that asks and gives up again and again gets no more threads than its share."""
    served = serve(hall)
    bank, other = as_(served, "bank/alpha"), served.ours(served.root.credentials("dcep://bank/b"))
    for _ in range(3 * CALLS_EACH):
        call = hang(bank, hall, 1)[0]
        call.cancel()
    assert ask(other, 3) == 3
    hall.open.set()
    assert answered(unary(bank)) == "1"


async def waits(request: Int32Value, call: Call) -> AsyncIterator[Int32Value]:
    """Says one thing, and then nothing."""
    yield Int32Value(value=await call.in_thread(lambda: request.value))
    await asyncio.sleep(60)


def test_streams_that_wait_take_no_threads_and_a_caller_has_few_of_them(serve: Serve) -> None:
    served = serve(on_follow=waits)
    before = threading.active_count()
    streams = []
    for index in range(40):
        channel = as_(served, f"bank/b{index}")
        for _ in range(STREAMS_EACH):
            streams.append(stream(channel)(ONE, timeout=60))
    assert [next(one).value for one in streams] == [1] * len(streams)
    ours = [t for t in threading.enumerate() if t.name.startswith("grpc_")]
    assert len(ours) <= 8, "those for calls, and those for officers"
    assert before > 0
    over = stream(served.channels[-1])(ONE, timeout=60)
    assert reason_of(lambda: next(over)) == "OVERLOADED"
    streams[-1].cancel()
    while True:  # its place is free once the server has noticed
        again = stream(served.channels[-1])(ONE, timeout=60)
        try:
            assert next(again).value == 1
            break
        except grpc.RpcError:
            time.sleep(0.05)
    assert ask(served.ours(), 2) == 2


async def pours(request: Int32Value, call: Call) -> AsyncIterator[Int32Value]:
    """Without an end."""
    while True:
        yield request


@pytest.mark.parametrize("follow", [waits, pours])
def test_a_caller_who_is_not_let_in_any_more_is_cut_off_with_its_streams(
    serve: Serve, follow: Any
) -> None:
    """Also one that does not read what it is sent."""
    suspended = threading.Event()

    def authorize(who: Identity | None, method: str) -> None:
        if suspended.is_set() and who is not None and who.name == "alpha":
            raise Refusal(errors_pb2.REASON_BANK_SUSPENDED, "suspended")

    served = serve(on_follow=follow, authorize=authorize)
    alpha, beta = as_(served, "bank/alpha"), as_(served, "bank/beta")
    held = [stream(alpha)(ONE, timeout=60) for _ in range(STREAMS_EACH)]
    others = stream(beta)(ONE, timeout=60)
    assert [next(one).value for one in (*held, others)] == [1] * (len(held) + 1)
    suspended.set()
    for one in held:
        assert reason_of(lambda one=one: list(one)) == "BANK_SUSPENDED"
    assert reason_of(lambda: unary(alpha)(ONE, timeout=5)) == "BANK_SUSPENDED"
    assert reason_of(lambda: next(stream(alpha)(ONE, timeout=5))) == "BANK_SUSPENDED"
    assert others.is_active()
    assert answered(unary(beta)) == "1"


def test_health_can_be_asked_for_and_not_be_watched(serve: Serve) -> None:
    health = health_pb2_grpc.HealthStub(as_(serve(), "bank/alpha"))
    with pytest.raises(grpc.RpcError) as caught:
        next(health.Watch(health_pb2.HealthCheckRequest(), timeout=5))
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service="another"), timeout=5)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_idle_looks_at_the_services_freeze_nothing_and_end(
    serve: Serve, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.inspection, "INSPECTION_S", 2.0)
    served = serve()
    bank = as_(served, "bank/alpha")
    look = reflection_pb2_grpc.ServerReflectionStub(bank).ServerReflectionInfo
    idle = [look(iter(silence), timeout=60) for _ in range(40)]
    assert answered(unary(bank)) == "1"
    assert answered(unary(as_(served, "bank/beta"))) == "1"
    ends = [reason_of(lambda one=one: next(one)) for one in idle]
    assert sorted(set(ends)) == ["MESSAGE_UNREADABLE", "OVERLOADED"]
    assert ends.count("OVERLOADED") >= 40 - STREAMS_EACH


def test_the_services_can_be_looked_at_and_not_without_end(serve: Serve) -> None:
    channel = as_(serve(), "bank/alpha")
    look = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    answers = list(look(iter([question] * (MAX_INSPECTED + 10)), timeout=20))
    assert len(answers) == MAX_INSPECTED
    names = {service.name for service in answers[0].list_services_response.service}
    assert NAME in names and "grpc.health.v1.Health" in names


def test_what_would_have_to_be_unpacked_is_refused(serve: Serve) -> None:
    channel = as_(serve(), "bank/alpha")
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/{NAME}/Ask")(
            bytes(1 << 20), timeout=5, compression=grpc.Compression.Gzip
        )
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert answered(unary(channel)) == "1"


def test_places_are_given_back_and_counted_by_caller() -> None:
    places = Shares("calls", whole=3, each=2)
    places.take("a")
    places.take("a")
    with pytest.raises(Refusal, match="you have 2 calls here already"):
        places.take("a")
    places.take("b")
    with pytest.raises(Refusal, match="all 3 places for calls are taken"):
        places.take("c")
    places.leave("a")
    with places.place("c"):
        assert len(places) == 3
    assert len(places) == 2


def test_turns_go_round_the_callers() -> None:
    """However many pieces of work one of them has waiting."""
    done: list[str] = []

    async def play() -> None:
        threads = FairThreads(1, each=1, name="test")
        many = [threads.run("a", lambda: done.append("a")) for _ in range(20)]
        tasks = [asyncio.create_task(one) for one in many]
        await asyncio.sleep(0)
        tasks += [
            asyncio.create_task(threads.run(name, lambda name=name: done.append(name)))
            for name in ("b", "c")
        ]
        await asyncio.gather(*tasks)
        threads.close()

    asyncio.run(play())
    assert done.index("b") <= 4 and done.index("c") <= 5
    assert done.count("a") == 20


def test_work_that_nobody_waits_for_any_more_is_not_begun_and_leaves_the_line() -> None:
    async def play() -> list[int]:
        threads = FairThreads(2, each=1, name="test")
        hold = threading.Event()
        first = asyncio.create_task(threads.run("a", hold.wait))
        await asyncio.sleep(0)
        begun: list[int] = []
        for _ in range(1_000):
            waiting = asyncio.create_task(threads.run("a", lambda: begun.append(1)))
            await asyncio.sleep(0)
            waiting.cancel()
        first.cancel()
        assert await threads.run("b", lambda: 5) == 5, "another has its turn meanwhile"
        hold.set()
        assert await threads.run("a", lambda: 6) == 6
        threads.close()
        return begun

    assert asyncio.run(play()) == []


def test_many_callers_at_once_are_all_served(serve: Serve) -> None:
    served = serve()
    channels = [served.ours(served.root.credentials(f"dcep://bank/b{i}")) for i in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: ask(channels[i % 20], i), range(400)))
    assert answers == list(range(400))


def test_a_caller_that_goes_away_is_no_accident(serve: Serve, hall: Hall) -> None:
    served = serve(hall)
    with pytest.raises(NoAnswer):
        unary(served.ours())(Int32Value(value=LATER), timeout=0.3)
    hall.open.set()
    assert ask(served.ours(), 4) == 4
    labels = {"method": f"/{NAME}/Ask", "reason": "INTERNAL"}
    assert served.registry.get_sample_value("grpc_calls_total", labels) is None


def test_answers_that_are_not_read_keep_the_places_of_who_does_not_read_them(
    serve: Serve,
) -> None:
    """Otherwise one connection has hundreds of them made, and lie in memory."""
    served = serve()
    options = [("grpc.http2.lookahead_bytes", 0), ("grpc.http2.bdp_probe", 0)]
    credentials = served.root.credentials("dcep://bank/alpha")
    unread = grpc.secure_channel(served.address, credentials, [*options, *served_by(SERVER)])
    call = unread.stream_stream(f"/{NAME}/Ask")
    calls = [call(iter([ONE.SerializeToString()]), timeout=60) for _ in range(CALLS_EACH + 20)]
    ends_at = time.monotonic() + 20
    while sum(not one.is_active() for one in calls) < 20:
        assert time.monotonic() < ends_at
        time.sleep(0.02)
    assert {answered(unary(as_(served, "bank/alpha")))} == {"OVERLOADED"}
    assert answered(unary(as_(served, "bank/beta"))) == "1"
    assert sum(one.is_active() for one in calls) == CALLS_EACH
    for one in calls:
        one.cancel()
    while answered(unary(as_(served, "bank/alpha"))) != "1":
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def test_of_messages_that_do_not_come_a_caller_has_few_for_long(
    serve: Serve, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half-sent they lie in memory, each up to the largest size; the oldest end first."""
    monkeypatch.setattr(runtime.calls, "HURRY_S", 1.0)
    served = serve()
    other = served.ours(served.root.credentials("dcep://bank/beta"))
    patient = as_(served, "bank/gamma").stream_unary(f"/{NAME}/Ask")
    slow = patient.future(iter(silence), timeout=60)
    bank = as_(served, "bank/alpha").stream_unary(f"/{NAME}/Ask")
    calls = [bank.future(iter(silence), timeout=60) for _ in range(READING_EACH + 9)]
    late = refused_of(calls, 9)
    assert {reason_of(one.result) for one in late} == {"MESSAGE_UNREADABLE"}
    assert ask(other, 7) == 7
    assert not slow.done(), "who has one that is slow in coming has the whole time for it"
    for one in [*calls, slow]:
        one.cancel()
