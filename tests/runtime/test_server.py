"""The server: deadlines, sizes, unknown fields, health, shutdown, metrics."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from queue import Queue

import grpc
import psycopg
import pytest
from google.protobuf.wrappers_pb2 import Int32Value
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy.exc import OperationalError

import runtime.server
from dcep.errors.v1 import errors_pb2
from runtime.calls import Call
from runtime.errors import NoAnswer, Refusal, from_rpc_error
from runtime.limits import MAX_CONCURRENT_CALLS, MAX_DEADLINE_S, MAX_MESSAGE_BYTES
from runtime.tls import Identity, peer
from tests.refusals import refused_because
from tests.runtime.served import NAME, Serve, ask, count, stream, unary

PATIENCE_S = 60.0

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def raw_refusal(channel: grpc.Channel, data: bytes, timeout: float | None = 5) -> Refusal:
    """The refusal of a request given as bytes."""
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/{NAME}/Ask")(data, timeout=timeout)
    refusal = from_rpc_error(caught.value)
    assert isinstance(refusal, Refusal), refusal
    return refusal


class Gatekeeper:
    """A handler that reports being entered and waits until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.release = threading.Event()

    def __call__(self, request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        self.entered.release()
        self.release.wait(20)
        return request

    def wait_until_entered(self) -> None:
        assert self.entered.acquire(timeout=10)


@pytest.fixture
def gatekeeper() -> Iterator[Gatekeeper]:
    keeper = Gatekeeper()
    yield keeper
    keeper.release.set()


@pytest.mark.parametrize("deadline_s", [None, MAX_DEADLINE_S + 5])
def test_a_call_without_a_reasonable_deadline_is_refused(
    serve: Serve, deadline_s: float | None
) -> None:
    refusal = raw_refusal(serve().plain(), b"", deadline_s)
    assert refusal.reason == errors_pb2.REASON_DEADLINE_MISSING
    assert refusal.field == "deadline"


def test_our_channels_set_a_deadline_but_not_on_streams(serve: Serve) -> None:
    seen: dict[str, float | None] = {}

    def look(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        seen["call"] = context.time_remaining()
        return request

    def follow(request: Int32Value, context: grpc.ServicerContext) -> Iterator[Int32Value]:
        seen["stream"] = context.time_remaining()
        yield from count(request, context)

    channel = serve(look, follow).ours()
    ask(channel)
    list(stream(channel)(Int32Value(value=1)))
    assert seen["call"] is not None and 0 < seen["call"] <= MAX_DEADLINE_S
    assert seen["stream"] is None or seen["stream"] > MAX_DEADLINE_S


def test_an_unknown_field_is_refused_by_its_number(serve: Serve) -> None:
    refusal = raw_refusal(serve().plain(), b"\x08\x01\x98\x06\x05")  # field 1 = 1, field 99 = 5
    assert refusal.reason == errors_pb2.REASON_FIELD_UNKNOWN
    assert refusal.field == "99"


@pytest.mark.parametrize("data", [b"\xff", b"\x08", b"\x0a\x7f", b"\x08\x01\x07"])
def test_bytes_that_are_no_message_are_refused_with_a_reason(serve: Serve, data: bytes) -> None:
    assert raw_refusal(serve().plain(), data).reason == errors_pb2.REASON_MESSAGE_UNREADABLE


def test_the_gate_is_asked_before_the_request_is_looked_at(serve: Serve) -> None:
    asked: list[str] = []

    def nobody(who: Identity | None, method: str) -> None:
        asked.append(method)
        raise Refusal(errors_pb2.REASON_ROLE_NOT_ALLOWED, "nobody may")

    channel = serve(authorize=nobody).plain()
    assert raw_refusal(channel, b"\xff").reason == errors_pb2.REASON_ROLE_NOT_ALLOWED
    assert asked == [f"/{NAME}/Ask"]


def test_a_message_has_a_largest_size(serve: Serve) -> None:
    """That its unknown field is refused tells that the largest message was read."""
    channel = serve().plain()
    head = b"\x9a\x06" + b"\xfa\xff\xff\x03"  # field 99, of all the other bytes
    largest = head + bytes(MAX_MESSAGE_BYTES - len(head))
    assert len(largest) == MAX_MESSAGE_BYTES
    assert raw_refusal(channel, largest).reason == errors_pb2.REASON_FIELD_UNKNOWN
    assert raw_refusal(channel, largest + b"\0").reason == errors_pb2.REASON_OVERLOADED
    assert unary(channel)(Int32Value(value=1), timeout=5).value == 1, "the server goes on"


def test_too_many_calls_at_once_are_refused_as_overload(
    serve: Serve, gatekeeper: Gatekeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_CONCURRENT_CALLS > 1
    monkeypatch.setattr(runtime.server, "MAX_CONCURRENT_CALLS", 1)
    channel = serve(gatekeeper).ours()
    first = unary(channel).future(Int32Value(value=1))
    gatekeeper.wait_until_entered()
    refused_because(errors_pb2.REASON_OVERLOADED, ask, channel)
    gatekeeper.release.set()
    assert first.result().value == 1


def test_an_accident_tells_the_caller_an_incident_and_no_more(serve: Serve) -> None:
    def fail(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        raise RuntimeError("a private matter")

    with pytest.raises(Refusal) as caught:
        ask(serve(fail).ours())
    assert caught.value.reason == errors_pb2.REASON_INTERNAL
    assert caught.value.metadata["incident"] in caught.value.message
    assert "private" not in caught.value.message


def test_a_service_that_loses_its_database_says_to_ask_again_and_no_more(serve: Serve) -> None:
    away = OperationalError("SELECT secret", {}, psycopg.OperationalError("at 10.0.0.7"))

    def lose(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        if request.value == 1:
            raise away
        raise RuntimeError("the journal could not be written: at 10.0.0.7") from away

    served = serve(lose, on_follow=lose)
    for value in (1, 2):
        refused_because(errors_pb2.REASON_NOT_SERVING, ask, served.ours(), value)
        with pytest.raises(Refusal) as caught:
            next(stream(served.ours())(Int32Value(value=value), timeout=10))
        assert caught.value.name == "NOT_SERVING"
        assert "10.0.0.7" not in caught.value.message


def test_a_running_call_ends_and_new_ones_are_not_taken_at_stop(
    serve: Serve, gatekeeper: Gatekeeper
) -> None:
    served = serve(gatekeeper)
    running = unary(served.ours()).future(Int32Value(value=7))
    gatekeeper.wait_until_entered()

    stopping = threading.Thread(target=served.server.stop)
    stopping.start()
    with pytest.raises(NoAnswer):
        while True:  # a call that came before the port was closed waits for its turn
            unary(served.ours())(Int32Value(value=1), timeout=0.2)
    assert stopping.is_alive() and not running.done()

    gatekeeper.release.set()
    assert running.result().value == 7
    stopping.join(10)
    assert not stopping.is_alive()


def test_a_call_that_does_not_end_is_cut_off_at_stop(
    serve: Serve, gatekeeper: Gatekeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.server, "DRAIN_S", 0.1)
    served = serve(gatekeeper)
    running = unary(served.ours()).future(Int32Value(value=7))
    gatekeeper.wait_until_entered()
    started = time.monotonic()
    served.server.stop()
    assert time.monotonic() - started < 5
    with pytest.raises(NoAnswer):
        running.result()


def test_at_stop_streams_are_told_so_and_are_not_waited_for(serve: Serve) -> None:
    async def for_ever(request: Int32Value, call: Call) -> AsyncIterator[Int32Value]:
        yield request
        await asyncio.Event().wait()

    served = serve(on_follow=for_ever)
    messages = stream(served.ours())(Int32Value(value=7), timeout=30)
    assert next(messages).value == 7
    served.server.stop()
    with pytest.raises(Refusal) as caught:
        next(messages)
    assert caught.value.name == "STOPPING"


def test_health_speaks_of_the_server_and_of_each_service(serve: Serve) -> None:
    health = health_pb2_grpc.HealthStub(serve().plain())
    for name in ("", NAME):
        request = health_pb2.HealthCheckRequest(service=name)
        assert health.Check(request, timeout=5).status == SERVING


def test_calls_are_counted_by_reason(serve: Serve) -> None:
    def odd(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        if request.value % 2:
            return request
        raise Refusal(errors_pb2.REASON_EXPIRED, "even")

    served = serve(odd)
    channel = served.ours()
    for value in (1, 3, 4):
        try:
            ask(channel, value)
        except Refusal:
            assert value == 4

    def counted(reason: str) -> float | None:
        labels = {"method": f"/{NAME}/Ask", "reason": reason}
        return served.registry.get_sample_value("grpc_calls_total", labels)

    served.server.stop()  # counting comes after the answer
    assert (counted("OK"), counted("EXPIRED")) == (2, 1)


def test_a_server_that_may_not_answer_is_live_and_not_ready(serve: Serve) -> None:
    may = True

    def may_answer() -> None:
        if not may:
            raise Refusal(errors_pb2.REASON_NOT_SERVING, "its lease is over")

    health = health_pb2_grpc.HealthStub(serve(may_answer=may_answer).plain())

    def said(name: str) -> int:
        answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
        return int(answer.status)

    for may in (True, False, True):
        assert said("live") == SERVING
        assert said("") == said(NAME) == (SERVING if may else NOT_SERVING)


def test_who_asked_is_known_after_the_caller_has_cancelled(serve: Serve) -> None:
    """Whoever asks gRPC itself so late ends the process."""
    calls: Queue[grpc.ServicerContext] = Queue()
    seen: Queue[tuple[Identity | None, str, float | None]] = Queue()
    freed = threading.Event()

    def late(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        if request.value == 1:
            calls.put(context)
            freed.wait(PATIENCE_S)
            seen.put((peer(context), context.peer(), context.time_remaining()))
        return request

    served = serve(late)
    other = served.ours(served.root.credentials("dcep://bank/beta"))
    call = unary(served.ours()).future(Int32Value(value=1))
    context = calls.get(timeout=PATIENCE_S)
    call.cancel()
    while context.is_active():
        ask(other, 2)
    ask(other, 2)  # by its answer the loop has gone on from the call's end
    freed.set()
    who, address, left_s = seen.get(timeout=PATIENCE_S)
    assert who is not None and who.name == "alpha"
    assert address and left_s is not None
