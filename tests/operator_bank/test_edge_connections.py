"""Connections to a public port: a bound for each address, and a fair share where it is crowded."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from operator_bank.edge.connections import SourceConnections, fair_share
from runtime.open_sockets import can_be_seen

pytestmark = pytest.mark.skipif(not can_be_seen(), reason="open sockets are seen on Linux alone")


class Port:
    """A port and those who connect to it; `look` is the bound at work."""

    def __init__(self, ends: ExitStack, *, each: int, crowded: int) -> None:
        self._ends = ends
        self._listening = ends.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
        self._port = self._listening.getsockname()[1]
        self._connections = SourceConnections(self._port, each=each, crowded=crowded)
        self.clients: dict[str, list[socket.socket]] = {}

    def come(self, source: str, count: int) -> None:
        for _ in range(count):
            client = socket.create_connection(
                ("127.0.0.1", self._port), timeout=5, source_address=(source, 0)
            )
            self.clients.setdefault(source, []).append(self._ends.enter_context(client))
            self._ends.enter_context(self._listening.accept()[0])

    def look(self) -> int:
        return self._connections.look()

    def stand(self, source: str) -> list[int]:
        """Which of a source's connections, as they came, are not shut."""
        return [place for place, one in enumerate(self.clients[source]) if not _ended(one)]


def _ended(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_of_an_address_those_beyond_its_bound_go_and_the_newest_of_them(ends: ExitStack) -> None:
    port = Port(ends, each=3, crowded=100)
    port.come("127.0.0.2", 2)
    assert port.look() == 0
    port.come("127.0.0.2", 4)
    port.come("127.0.0.3", 3)
    assert port.look() == 3
    assert port.stand("127.0.0.2") == [0, 1, 2]
    assert port.stand("127.0.0.3") == [0, 1, 2]


def test_many_addresses_together_leave_room_for_the_next_one(ends: ExitStack) -> None:
    """Each within its own bound, they would take all connections of the port."""
    port = Port(ends, each=10, crowded=20)
    port.come("127.0.0.1", 2)
    crowd = [f"127.0.1.{number}" for number in range(1, 7)]
    for source in crowd:
        port.come(source, 8)
    port.look()
    assert port.stand("127.0.0.1") == [0, 1], "who has few keeps them"
    assert [len(port.stand(source)) for source in crowd] == [3] * 6
    port.come("127.0.0.9", 3)
    port.look()
    assert port.stand("127.0.0.9") == [0, 1]


@pytest.mark.parametrize(
    ("counts", "most", "share"),
    [
        ([], 10, 1),
        ([3, 4], 10, 4),
        ([3, 40], 10, 7),
        ([1, 1, 1, 50, 50], 23, 10),
        ([9, 9, 9], 10, 3),
        ([5] * 30, 10, 1),
    ],
)
def test_what_each_may_have_is_as_much_as_there_is_room_for(
    counts: list[int], most: int, share: int
) -> None:
    assert fair_share(counts, most) == share
    assert sum(min(count, share) for count in counts) <= max(most, len(counts))
