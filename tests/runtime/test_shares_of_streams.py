"""What a caller gets of streams and long calls is bounded, and ends when it is let in no more."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import runtime.calls
import runtime.inspection
import runtime.server
from dcep.errors.v1 import errors_pb2
from runtime.calls import Call
from runtime.errors import Refusal
from runtime.limits import MAX_INSPECTED, STREAMS_EACH
from runtime.tls import Identity
from tests.runtime.hanging import ONE, Silence, answered, as_, reason_of
from tests.runtime.served import NAME, Serve, ask, stream, unary


@pytest.fixture
def silence() -> Iterator[Silence]:
    made = Silence()
    yield made
    made.end()


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
