"""What a caller gets is bounded by caller: calls, threads and bytes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

import runtime.calls
import runtime.inspection
import runtime.server
from dcep.errors.v1 import errors_pb2
from runtime.calls import Call
from runtime.errors import Refusal, from_rpc_error
from runtime.limits import CALLS_EACH, CONNECTIONS_EACH, STREAMS_EACH
from runtime.loop import shared_loop
from runtime.shares import Shares
from tests.runtime.hanging import LATER, ONE, Hall, Silence, answered, as_, reason_of, refused_of
from tests.runtime.served import NAME, Serve, ask, stream, unary


@pytest.fixture
def silence() -> Iterator[Silence]:
    made = Silence()
    yield made
    made.end()


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


def test_those_who_are_refused_together_are_asked_back_one_after_the_other() -> None:
    now_s = 100.0
    places = Shares("calls", whole=1, each=1, now_s=lambda: now_s)
    places.take("first")

    def told_ms(caller: str) -> int:
        with pytest.raises(Refusal) as refused:
            places.take(caller)
        return int(refused.value.metadata["retry_after_ms"])

    assert [told_ms("other") for _ in range(4)] == [1_000, 1_002, 1_004, 1_006]
    mine = [told_ms("first") for _ in range(5_000)]
    assert max(mine) == 5_000, "whose own share is full lets nobody else wait"
    told = [told_ms("other") for _ in range(5_000)]
    assert (told[0], max(told)) == (1_008, 5_000), "and nobody is sent away for longer"
    now_s += 1.0
    assert told_ms("other") == 4_002, "those before have not come back yet"
    now_s += 10.0
    assert told_ms("other") == 1_000


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


def test_many_calls_that_come_at_once_are_all_told_a_reason(serve: Serve, hall: Hall) -> None:
    """More than gRPC holds by itself while the event loop is busy: it drops some, CANCELLED."""
    served = serve(hall)
    channels = [as_(served, "bank/alpha") for _ in range(8)]
    for channel in channels:
        assert answered(unary(channel)) == "1"
    busy = threading.Thread(target=lambda: shared_loop().run(_blocks()))
    busy.start()
    running = [call for channel in channels for call in hang(channel, hall, 400)]
    busy.join()
    late = refused_of(running, len(running) - CALLS_EACH)
    assert {reason_of(call.result) for call in late} == {"OVERLOADED"}
    hall.open.set()
    assert {call.result().value for call in running if call not in late} == {LATER}


async def _blocks() -> None:
    time.sleep(3)  # noqa: ASYNC251 - that is the point


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


def test_health_is_asked_for_and_answered_at_once_when_calls_fill_everything(
    serve: Serve, hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a caller whose places and threads are all taken, and by one who finds none left."""
    monkeypatch.setattr(runtime.server, "MAX_CONCURRENT_CALLS", CALLS_EACH)
    served = serve(hall)
    bank, other = as_(served, "bank/alpha"), as_(served, "bank/beta")
    running = [*hang(bank, hall, CALLS_EACH + 2), *hang(other, hall, 1)]
    late = refused_of(running, 3)
    assert {reason_of(call.result) for call in late} == {"OVERLOADED"}
    for channel in (bank, other):
        for service in ("", NAME, "live"):
            request = health_pb2.HealthCheckRequest(service=service)
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=1)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
    hall.open.set()
    assert {call.result().value for call in running if call not in late} == {LATER}


def test_health_checks_have_a_bound_of_their_own(serve: Serve, silence: Silence) -> None:
    bank = as_(serve(), "bank/alpha")
    checks = [
        bank.stream_unary("/grpc.health.v1.Health/Check").future(iter(silence), timeout=60)
        for _ in range(CALLS_EACH + 2)
    ]
    for late in refused_of(checks, 2):
        assert reason_of(late.result) == "OVERLOADED"
    assert answered(unary(bank)) == "1", "they take no place for calls"


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
