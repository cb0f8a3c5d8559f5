"""A channel to a server that is slow to answer its door."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from runtime.channel import connect
from tests.runtime.served import SERVER, Root, Serve, ask


@contextmanager
def slow_door(port: int, delay_s: float) -> Iterator[str]:
    """An address that passes everything on to a local port, after a while."""
    door = socket.create_server(("localhost", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # one side has gone
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def let_in() -> None:
        visitor, _ = door.accept()
        time.sleep(delay_s)
        inside = socket.create_connection(("localhost", port))
        for source, sink in ((visitor, inside), (inside, visitor)):
            threading.Thread(target=pump, args=(source, sink), daemon=True).start()

    threading.Thread(target=let_in, daemon=True).start()
    with door:
        yield f"localhost:{door.getsockname()[1]}"


def test_a_slow_handshake_is_waited_for(serve: Serve, root: Root) -> None:
    with (
        slow_door(serve().server.port, 0.5) as address,
        connect(address, root.credentials("dcep://bank/alpha"), SERVER) as channel,
    ):
        assert ask(channel, 7) == 7
