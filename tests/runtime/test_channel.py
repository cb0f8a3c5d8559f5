"""Channels to servers that are slow to answer their door, or gone without a word."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value

from runtime import channel as channels
from runtime.channel import connect
from runtime.errors import NoAnswer
from tests.runtime.served import SERVER, Root, Serve, ask, stream

CLIENT = "dcep://bank/alpha"


class Door:
    """Where a server is reached; all that comes after it is cut is lost, and nobody hears of it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cut = threading.Event()


@contextmanager
def slow_door(port: int, delay_s: float) -> Iterator[Door]:
    """A door that passes everything on to a local port, after a while."""
    door = socket.create_server(("localhost", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # one side has gone
            while data := source.recv(65_536):
                if not made.cut.is_set():
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def let_in() -> None:
        visitor, _ = door.accept()
        time.sleep(delay_s)
        inside = socket.create_connection(("localhost", port))
        for source, sink in ((visitor, inside), (inside, visitor)):
            threading.Thread(target=pump, args=(source, sink), daemon=True).start()

    made = Door(f"localhost:{door.getsockname()[1]}")
    threading.Thread(target=let_in, daemon=True).start()
    with door:
        yield made


def test_a_slow_handshake_is_waited_for(serve: Serve, root: Root) -> None:
    with (
        slow_door(serve().server.port, 0.5) as door,
        connect(door.address, root.credentials(CLIENT), SERVER) as channel,
    ):
        assert ask(channel, 7) == 7


def test_a_stream_from_a_server_that_vanishes_ends(
    serve: Serve, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def once(request: Int32Value, context: grpc.ServicerContext) -> Iterator[Int32Value]:
        yield request
        over.wait(30)

    waits = ("grpc.keepalive_time_ms", "grpc.http2.ping_timeout_ms")
    soon = [(name, 1_000 if name in waits else value) for name, value in channels.OPTIONS]
    monkeypatch.setattr(channels, "OPTIONS", soon)
    try:
        with (
            slow_door(serve(on_follow=once).server.port, 0) as door,
            connect(door.address, root.credentials(CLIENT), SERVER) as channel,
        ):
            answers = stream(channel)(Int32Value(value=7), timeout=20)
            assert next(answers).value == 7
            door.cut.set()
            with pytest.raises(NoAnswer) as found:
                next(answers)
            assert "deadline" not in str(found.value).lower()
    finally:
        over.set()
