"""What connections a party can hold on a port with mutual TLS: attacks over real sockets."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dcep.errors.v1 import errors_pb2
from runtime.channel import served_by
from runtime.connections import Bounds
from runtime.errors import Refusal
from runtime.tls import Identity
from tests.runtime.served import SERVER, Serve, Served, ask, stream, unary

BANK, OTHER, OFFICER = "dcep://bank/alpha", "dcep://bank/beta", "dcep://officer/central-bank/lin"
SOON_S = 60.0


@pytest.fixture
def silent() -> Iterator[Callable[[Served, str], socket.socket]]:
    """Opens connections that say nothing, from an address of this machine."""
    with ExitStack() as opened:

        def open_one(served: Served, source: str = "127.0.0.1") -> socket.socket:
            one = socket.create_connection(
                ("127.0.0.1", served.server.port), 10, source_address=(source, 0)
            )
            one.setblocking(False)
            return opened.enter_context(one)

        yield open_one


def ended(one: socket.socket) -> bool:
    """Whether the server has ended a connection."""
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def until(done: Callable[[], bool]) -> None:
    """Waits for it."""
    end = time.monotonic() + SOON_S
    while not done():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.02)


def call_anew(served: Served, role: str) -> int:
    """A call over a connection of its own, tried again as our clients do when it is cut."""
    end = time.monotonic() + SOON_S
    while True:
        with suppress(grpc.RpcError), connection(served, role) as channel:
            return int(unary(channel)(Int32Value(value=1), timeout=5).value)
        assert time.monotonic() < end, f"{role} does not get through"


def connection(served: Served, role: str) -> grpc.Channel:
    """A channel with a connection of its own, which is never made again by itself."""
    options = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 60_000),
        ("grpc.min_reconnect_backoff_ms", 60_000),
        *served_by(SERVER),
    ]
    return grpc.secure_channel(served.address, served.root.credentials(role), options)


class Held:
    """Connections of one party, on each of which a call was answered."""

    def __init__(self, served: Served, role: str, count: int) -> None:
        self.broken = [False] * count
        self._channels = [connection(served, role) for _ in range(count)]
        for index, channel in enumerate(self._channels):
            assert unary(channel)(Int32Value(value=1), timeout=20).value == 1
            channel.subscribe(lambda state, index=index: self._saw(index, state))

    def _saw(self, index: int, state: grpc.ChannelConnectivity) -> None:
        if state is not grpc.ChannelConnectivity.READY:
            self.broken[index] = True

    def close(self) -> None:
        for channel in self._channels:
            channel.close()


def test_who_never_shakes_hands_holds_few_connections_and_others_get_in(
    serve: Serve, silent: Callable[[Served, str], socket.socket]
) -> None:
    served = serve(connections=Bounds(nobodys_each=5))
    opened = [silent(served, "127.0.0.1") for _ in range(60)]
    until(lambda: sum(map(ended, opened)) >= 55)
    assert not any(map(ended, opened[-5:])), "the oldest go"
    assert call_anew(served, OFFICER) == call_anew(served, BANK) == 1


def test_who_stops_in_the_middle_of_shaking_hands_is_counted_the_same(
    serve: Serve, silent: Callable[[Served, str], socket.socket]
) -> None:
    served = serve(connections=Bounds(nobodys_each=5))
    opened = [silent(served, "127.0.0.1") for _ in range(30)]
    for one in opened:
        # The head of a ClientHello of 512 bytes, and nothing of it.
        one.send(b"\x16\x03\x01\x02\x00")
    until(lambda: sum(map(ended, opened)) >= 25)
    assert call_anew(served, OFFICER) == 1


def test_many_addresses_without_certificates_hold_so_many_together(
    serve: Serve, silent: Callable[[Served, str], socket.socket]
) -> None:
    served = serve(connections=Bounds(nobodys=20, nobodys_each=5))
    opened = [silent(served, f"127.0.1.{n % 20 + 1}") for n in range(80)]
    until(lambda: sum(map(ended, opened)) >= 60)
    assert not any(map(ended, opened[-20:]))
    assert call_anew(served, OFFICER) == 1


def test_nobodys_connection_ends_after_its_time(
    serve: Serve, silent: Callable[[Served, str], socket.socket]
) -> None:
    served = serve(connections=Bounds(nobodys_s=0.5))
    one = silent(served, "127.0.0.1")
    until(lambda: ended(one))


def test_a_party_holds_so_many_connections_and_others_get_theirs(serve: Serve) -> None:
    served = serve(connections=Bounds(each=6))
    officer = Held(served, OFFICER, 1)
    greedy = Held(served, BANK, 15)
    until(lambda: sum(greedy.broken) == 9)
    assert greedy.broken == [True] * 9 + [False] * 6, "the oldest go"
    assert officer.broken == [False], "who was here before stays"
    assert call_anew(served, OTHER) == call_anew(served, OFFICER) == 1
    greedy.close()
    officer.close()


def test_a_second_certificate_gives_a_party_no_second_share(serve: Serve) -> None:
    served = serve(connections=Bounds(each=4))
    first, second = Held(served, BANK, 4), Held(served, BANK, 4)
    until(lambda: sum(first.broken) == 4)
    assert not any(second.broken)
    first.close()
    second.close()


def test_who_is_let_in_nowhere_keeps_no_connection_open_by_asking(serve: Serve) -> None:
    """A certificate of the root that was never admitted: refused calls, and health checks."""

    def authorize(who: Identity | None, method: str) -> None:
        raise Refusal(errors_pb2.REASON_BANK_NOT_ADMITTED, "you were not admitted")

    served = serve(authorize=authorize, connections=Bounds(nobodys_s=1.0))
    with connection(served, BANK) as channel:
        assert_cut_off_while_it_asks(channel)


def test_a_suspended_party_loses_the_connections_that_it_had(serve: Serve) -> None:
    suspended: list[bool] = []

    def authorize(who: Identity | None, method: str) -> None:
        if suspended:
            raise Refusal(errors_pb2.REASON_BANK_SUSPENDED, "you are suspended")

    served = serve(authorize=authorize, connections=Bounds(quiet_s=1.0))
    with connection(served, BANK) as channel:
        assert unary(channel)(Int32Value(value=1), timeout=20).value == 1
        suspended.append(True)
        assert_cut_off_while_it_asks(channel)


def assert_cut_off_while_it_asks(channel: grpc.Channel) -> None:
    """That its connection ends, whatever is called on it."""
    health = health_pb2_grpc.HealthStub(channel)
    seen: list[grpc.ChannelConnectivity] = []
    channel.subscribe(seen.append)

    def cut_off() -> bool:
        with suppress(grpc.RpcError):
            health.Check(health_pb2.HealthCheckRequest(), timeout=5)
        with suppress(grpc.RpcError):
            unary(channel)(Int32Value(value=1), timeout=5)
        ready = grpc.ChannelConnectivity.READY
        return ready in seen and any(one is not ready for one in seen[seen.index(ready) :])

    until(cut_off)


def test_a_stream_that_may_go_on_keeps_its_connection(serve: Serve) -> None:
    """Nothing else is said on it: a feed in a quiet hour."""

    def follow(request: Int32Value, context: grpc.ServicerContext) -> Iterator[Int32Value]:
        yield request
        time.sleep(4.0)
        yield request

    served = serve(on_follow=follow, connections=Bounds(quiet_s=1.5))
    with connection(served, BANK) as channel:
        assert [one.value for one in stream(channel)(Int32Value(value=3), timeout=30)] == [3, 3]


def test_a_party_is_forgotten_with_its_connections(serve: Serve) -> None:
    served = serve()
    for _ in range(3):
        assert call_anew(served, BANK) == 1
    connections = served.server._connections
    assert connections is not None
    until(lambda: not connections._let_in)
    assert ask(served.ours()) == 1


def test_a_process_keeps_files_for_itself_however_many_connections_come() -> None:
    """A soft limit of 256 files is raised; a hard one leaves half of them for databases."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 400))\n"
        "from runtime.limits import SERVER_OPTIONS, MOST_CONNECTIONS\n"
        "from runtime.open_sockets import within_files\n"
        "print(dict(within_files(SERVER_OPTIONS))[MOST_CONNECTIONS])\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == ["200", "400"]
