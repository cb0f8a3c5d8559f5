"""Work of many callers is done in turns, and what stands still holds up nobody."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value

import runtime.calls
import runtime.inspection
import runtime.server
from runtime.channel import served_by
from runtime.errors import NoAnswer, Refusal
from runtime.limits import CALLS_EACH, READING_EACH
from runtime.shares import FairThreads, Shares, Turns
from tests.runtime.hanging import LATER, ONE, Hall, Silence, answered, as_, reason_of, refused_of
from tests.runtime.served import NAME, SERVER, Serve, ask, unary


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


def test_a_caller_one_of_whose_turns_ends_may_begin_one_and_not_two() -> None:
    async def play() -> list[bool]:
        turns = Turns(5, each=2)
        for _ in range(2):
            await turns.take("a")
        turns.end("a")
        more = [asyncio.create_task(turns.take("a")) for _ in range(2)]
        await asyncio.sleep(0)
        begun = [one.done() for one in more]
        more[1].cancel()
        return begun

    assert asyncio.run(play()) == [True, False]


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
